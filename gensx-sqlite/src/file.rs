//! Opening the file: is it ours, is it new, how it is set up.

use std::time::Duration;

use gensx_core::{Event, EventId, SinkErrorKind};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, params};

use crate::{
    builder::{Settings, Synchronous},
    clock,
    error::Failure,
    frames, read, sql,
};

/// What says in the file's header whose it is: `gsnx`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"gsnx");
/// The version of the tables that this library reads and writes.
const TABLES_VERSION: i32 = 4;
/// The version before it, whose files are brought up to it.
const EARLIER_VERSION: i32 = 3;
/// A run's first event.
const FIRST: EventId = EventId::new(1, 1);
/// The write-ahead log is cut back to this size after it was larger.
const WAL_LIMIT_BYTES: u64 = 64 << 20;
/// Statements that a connection keeps ready: all of them.
const STATEMENTS: usize = 128;
/// Between two tries to switch a new file to WAL mode while others open it, too.
const WAL_RETRY: Duration = Duration::from_millis(10);

/// What a file is, before anything is written to it.
enum Found {
    Empty,
    Earlier,
    Ours,
}

/// Opens the file for writing, and makes its tables if it is new, or brings them up to this version. A file that is not gensx's is left as it is.
pub(crate) fn open_or_create(settings: &Settings) -> Result<Connection, Failure> {
    let file = connect(settings, OpenFlags::SQLITE_OPEN_CREATE)?;
    // Otherwise closing a foreign file would move what its owner has in its log.
    file.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    match inspect(&file)? {
        Found::Empty | Found::Earlier => create(&file)?,
        Found::Ours => {}
    }
    file.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    use_wal(&file, settings.busy_timeout)?;
    set_up_writing(&file, settings)?;
    Ok(file)
}

/// Opens the file for reading. It must have been opened for writing before.
pub(crate) fn open_to_read(settings: &Settings) -> Result<Connection, Failure> {
    let file = connect(settings, OpenFlags::empty())?;
    file.pragma_update(None, "query_only", true)?;
    Ok(file)
}

fn connect(settings: &Settings, more: OpenFlags) -> Result<Connection, Failure> {
    // Each connection stays with one thread at a time, so SQLite's own mutexes are not needed.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let file = Connection::open_with_flags(&settings.path, flags)?;
    file.busy_timeout(settings.busy_timeout)?;
    // Otherwise SQLite plans a prepared statement anew for each value that is bound, at ten times the statement's cost.
    file.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    file.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(file)
}

fn inspect(file: &Connection) -> Result<Found, Failure> {
    let config = |text: String| Err(Failure::new(SinkErrorKind::Config, text));
    if file.is_readonly("main")? {
        return config(
            "the file may not be written to: change its permissions, or name another file".to_owned(),
        );
    }
    let (id, version, objects): (i32, i32, i64) = file.query_row(
        "SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id a, pragma_user_version v",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    match (id, version) {
        (APPLICATION_ID, TABLES_VERSION) => Ok(Found::Ours),
        (APPLICATION_ID, EARLIER_VERSION) => Ok(Found::Earlier),
        (APPLICATION_ID, version) => config(format!(
            "the file is of version {version}, this library knows version {TABLES_VERSION}: use the library that wrote it, or \
             name another file"
        )),
        (0, 0) if objects == 0 => Ok(Found::Empty),
        _ => config("the file is another program's database: name another file".to_owned()),
    }
}

/// Makes the tables as they are in this version, unless another process was faster.
fn create(file: &Connection) -> Result<(), Failure> {
    let transaction = Transaction::begin(file)?;
    match inspect(file)? {
        Found::Empty => {
            file.execute_batch(sql::CREATE)?;
            file.execute_batch(sql::CREATE_LISTS)?;
            file.execute_batch(sql::queue::CREATE)?;
            file.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        Found::Earlier => migrate(file)?,
        Found::Ours => return transaction.commit(),
    }
    file.pragma_update(None, "user_version", TABLES_VERSION)?;
    transaction.commit()
}

/// From the version before: what lists go by is taken from each run's first event.
fn migrate(file: &Connection) -> Result<(), Failure> {
    file.execute_batch(sql::FROM_3_TO_4)?;
    let mut beginnings = file.prepare(sql::BEGINNINGS)?;
    let mut rows = beginnings.query([])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        // One that cannot be read is told of when its run is; in lists it is the oldest.
        let started_ms = began(bytes, row.get(1)?).unwrap_or(0);
        file.execute(sql::SET_STARTED, params![row.get::<_, i64>(0)?, read::position(started_ms)])?;
    }
    drop(rows);
    Ok(file.execute_batch(sql::CREATE_LISTS)?)
}

/// What the first event of a stream says of the time, given the stream's first row.
fn began(bytes: &[u8], count: u32) -> Option<u64> {
    let payloads = frames::payloads(bytes, count).ok()?;
    let first = payloads.first().copied()?;
    Event::decode(FIRST, &first.into()).ok().map(|event| event.time_ms)
}

fn use_wal(file: &Connection, patience: Duration) -> Result<(), Failure> {
    let give_up = clock::now() + patience;
    loop {
        match file.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let text = format!(
                    "the file stays in journal mode `{mode}`: put it on a local disk, WAL mode needs one"
                );
                return Err(Failure::new(SinkErrorKind::Config, text));
            }
            // The switch needs the file alone for a moment, and does not wait for that by itself.
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && clock::now() < give_up =>
            {
                clock::pause(WAL_RETRY);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn set_up_writing(file: &Connection, settings: &Settings) -> Result<(), Failure> {
    let synchronous = match settings.synchronous {
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
    };
    file.pragma_update(None, "synchronous", synchronous)?;
    file.query_row(&format!("PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}"), [], |_| Ok(()))?;
    if let Some(bytes) = settings.max_bytes {
        let page: u64 = file.query_row("PRAGMA page_size", [], |row| Ok(row.get::<_, u32>(0)?.into()))?;
        file.query_row(&format!("PRAGMA max_page_count = {}", (bytes / page).max(1)), [], |_| Ok(()))?;
    }
    Ok(())
}

/// A write transaction. It has the file's write lock from its beginning, so that nothing it reads can change before it
/// commits. Dropped, it is rolled back.
pub(crate) struct Transaction<'a>(&'a Connection);

impl<'a> Transaction<'a> {
    pub(crate) fn begin(file: &'a Connection) -> Result<Self, Failure> {
        file.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(file))
    }

    pub(crate) fn commit(self) -> Result<(), Failure> {
        self.0.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // After a commit, and after errors that made SQLite roll back itself, there is none any more.
        if !self.0.is_autocommit() {
            // A rollback that fails leaves the transaction open, and the next `begin` fails with its reason.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusqlite::{StatementStatus, params};

    use super::*;

    #[test]
    fn prepared_statements_are_planned_once() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            path: folder.path().join("gensx.db"),
            name: "test".to_owned(),
            synchronous: Synchronous::Normal,
            busy_timeout: Duration::from_secs(5),
            retention: None,
            max_bytes: None,
        };
        let writing = open_or_create(&settings).unwrap();
        for file in [&writing, &open_to_read(&settings).unwrap()] {
            let mut statement = file.prepare(sql::READ).unwrap();
            for after in 0..10 {
                let mut rows = statement.query(params!["run", after, 500]).unwrap();
                assert!(rows.next().unwrap().is_none());
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
