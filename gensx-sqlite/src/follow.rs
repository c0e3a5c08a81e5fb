//! The thread that sees what other processes append. It looks only while somebody waits.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;

use crate::{
    builder::Settings, changes::Changes, clock, error::Failure, file, hub::Hub, inbox, queue, read, threads,
};

/// Between two looks at the file's version, each of which costs some microseconds.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Looks that go on when nobody waits any more: readers come back at once for the next page.
const IDLE_POLLS: u32 = 50;

/// After a look at every run that somebody waits for, the next one waits this many times as long as that took.
const POLL_SHARE: u32 = 4;

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
    let mut seen = version(file)?;
    // Those who began to wait before this look may have looked before an append that it already counts.
    hub.tell(&everything(file, hub)?);
    let (mut idle, mut pause) = (0, POLL_INTERVAL);
    while idle < IDLE_POLLS {
        let Some(waited_for) = hub.pause(pause) else { return Ok(()) };
        idle = if waited_for { 0 } else { idle + 1 };
        let began = clock::now();
        // The version comes first: what is committed during the look is found by the next one.
        let now = version(file)?;
        if now != seen {
            hub.tell(&everything(file, hub)?);
            seen = now;
        }
        pause = POLL_INTERVAL.max(began.elapsed() * POLL_SHARE);
    }
    Ok(())
}

/// SQLite's own counter of commits by other connections.
fn version(file: &Connection) -> Result<i64, Failure> {
    Ok(file.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

/// How each run stands that somebody waits for.
fn everything(file: &Connection, hub: &Hub) -> Result<Changes, Failure> {
    let mut changes = Changes { message: Some(inbox::last(file)?), ..Changes::default() };
    if hub.queue_is_watched() {
        changes.queue = Some(queue::cursor(file)?);
    }
    for run in hub.watched() {
        match read::last_seq(file, &run)? {
            Some(seq) => changes.grown.push((run, seq)),
            None => changes.gone.push(run),
        }
    }
    Ok(changes)
}
