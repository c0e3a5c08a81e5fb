//! The thread that sees what other processes append. It looks only while somebody waits.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;

use crate::{builder::Settings, changes::Changes, error::Failure, file, hub::Hub, inbox, read, sql, threads};

/// Between two looks at the file's version, each of which costs some microseconds.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Looks that go on when nobody waits any more: readers come back at once for the next page.
const IDLE_POLLS: u32 = 50;

/// How far the file has been seen.
#[derive(PartialEq, Eq)]
struct Seen {
    /// SQLite's own counter of commits by other connections.
    version: i64,
    removals: i64,
    last_event: i64,
}

pub(crate) fn start(settings: Arc<Settings>, hub: Arc<Hub>) -> Result<(), Failure> {
    threads::start("gensx-db-follow", move || {
        while hub.sleep() {
            let followed = file::open_to_read(&settings).and_then(|file| follow(&file, &hub));
            if followed.is_err() {
                hub.tell_doubt();
                // Not at once again: what is wrong may stay so for a while.
                if hub.pause(POLL_INTERVAL).is_none() {
                    return;
                }
            }
        }
    })
}

/// Follows the file until nobody waits any more.
fn follow(file: &Connection, hub: &Hub) -> Result<(), Failure> {
    let mut seen = look(file)?;
    // Those who began to wait before this look may have looked before an append that it already counts.
    hub.tell(&everything(file, hub)?);
    let mut idle = 0;
    while idle < IDLE_POLLS {
        let Some(waited_for) = hub.pause(POLL_INTERVAL) else { return Ok(()) };
        idle = if waited_for { 0 } else { idle + 1 };
        if version(file)? != seen.version {
            let now = look(file)?;
            // Ids are used again after a removal, so they say nothing then.
            let changes =
                if now.removals == seen.removals { news(file, &seen)? } else { everything(file, hub)? };
            hub.tell(&changes);
            seen = now;
        }
    }
    Ok(())
}

fn version(file: &Connection) -> Result<i64, Failure> {
    Ok(file.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

/// The version comes first: what is committed during the look is found by the next one.
fn look(file: &Connection) -> Result<Seen, Failure> {
    let version = version(file)?;
    let removals = file.prepare_cached(sql::REMOVALS)?.query_row([], |row| row.get(0))?;
    let last: Option<i64> = file.prepare_cached(sql::LAST_EVENT)?.query_row([], |row| row.get(0))?;
    Ok(Seen { version, removals, last_event: last.unwrap_or(0) })
}

/// The runs that have grown since, whoever waits.
fn news(file: &Connection, seen: &Seen) -> Result<Changes, Failure> {
    let mut changes = Changes { message: Some(inbox::last(file)?), ..Changes::default() };
    let mut statement = file.prepare_cached(sql::GROWN)?;
    let mut rows = statement.query([seen.last_event])?;
    while let Some(row) = rows.next()? {
        changes.grown.push((read::run_id(row, 0)?, read::number(row.get(1)?)?));
    }
    Ok(changes)
}

/// How each run stands that somebody waits for.
fn everything(file: &Connection, hub: &Hub) -> Result<Changes, Failure> {
    let mut changes = Changes { message: Some(inbox::last(file)?), ..Changes::default() };
    for run in hub.watched() {
        match read::last_seq(file, &run)? {
            Some(seq) => changes.grown.push((run, seq)),
            None => changes.gone.push(run),
        }
    }
    Ok(changes)
}
