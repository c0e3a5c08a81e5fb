//! What the writer does besides: it removes what was deleted or has expired, in steps that hold up nobody for long.

use std::time::{Duration, Instant};

use gensx_core::RunId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{changes::Changes, clock, error::Failure, file::Transaction, read, sql, writer::Work};

/// Rows removed in one step: about a millisecond's work. A row of events has some kilobytes at most.
const STEP_ROWS: usize = 64;
/// Expired runs of each kind that one step puts into the trash.
const STEP_RUNS: i64 = 64;
/// The wait between two looks for expired runs is the retention, within these bounds.
const SWEEP_INTERVAL_MIN: Duration = Duration::from_millis(100);
const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(60);
/// The wait after a step that failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// A run to be deleted.
pub(crate) struct DeleteRun(pub(crate) RunId);

impl Work for DeleteRun {
    type Output = ();

    fn bytes(&self) -> usize {
        0
    }

    fn apply(&self, file: &Connection, changes: &mut Changes) -> Result<(), Failure> {
        let mut statement = file.prepare_cached(sql::DELETE_RUN)?;
        let key: Option<i64> = statement.query_row([self.0.as_str()], |row| row.get(0)).optional()?;
        if let Some(key) = key {
            discard(file, key)?;
            changes.gone.push(self.0.clone());
        }
        Ok(())
    }
}

/// Notes that the rows of a run are to be removed.
fn discard(file: &Connection, key: i64) -> Result<(), Failure> {
    file.prepare_cached(sql::ADD_TRASH)?.execute([key])?;
    Ok(())
}

/// When the next step is due, and how much of it there is.
pub(crate) struct Chores {
    retention: Option<Duration>,
    due: Option<Instant>,
}

impl Chores {
    /// The first step is due at once: another process may have ended in the middle of its own.
    pub(crate) fn new(retention: Option<Duration>) -> Self {
        Self { retention, due: Some(clock::now()) }
    }

    /// How long until the next step; `None` while there is nothing to do.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(clock::now()))
    }

    /// There is something in the trash, or a run that is to be removed some time.
    pub(crate) fn wake(&mut self) {
        self.due = Some(clock::now());
    }

    /// One step, if one is due.
    pub(crate) fn step(&mut self, file: &Connection) -> Changes {
        let mut changes = Changes::default();
        if self.due_in().is_none_or(|wait| !wait.is_zero()) {
            return changes;
        }
        let wait = match self.work(file, &mut changes) {
            Ok(true) => Some(Duration::ZERO),
            Ok(false) => self.until_next(file),
            Err(_) => {
                // Nothing waits for it: it is tried again, and what ails the file shows in the next append.
                changes = Changes::default();
                Some(RETRY_INTERVAL)
            }
        };
        self.due = wait.map(|wait| clock::now() + wait);
        changes
    }

    /// The wait before the next look, where there is nothing to do now.
    fn until_next(&self, file: &Connection) -> Option<Duration> {
        let now = clock::unix_ms();
        let next = match next_due(file) {
            Ok(due) => due.map(|due| Duration::from_millis(due.saturating_sub(now))),
            Err(_) => Some(RETRY_INTERVAL),
        };
        let wait = next.into_iter().chain(self.retention).min()?;
        Some(wait.clamp(SWEEP_INTERVAL_MIN, SWEEP_INTERVAL_MAX))
    }

    /// Whether there is more to do at once.
    fn work(&self, file: &Connection, changes: &mut Changes) -> Result<bool, Failure> {
        let expired = self.expired(file)?;
        if expired.is_empty() && trash(file)?.is_none() {
            return Ok(false);
        }
        let transaction = Transaction::begin(file)?;
        // Looked up again: now nobody else can change it.
        for key in self.expired(file)? {
            let mut statement = file.prepare_cached(sql::DELETE_KEY)?;
            let mut rows = statement.query([key])?;
            if let Some(row) = rows.next()? {
                changes.gone.push(read::run_id(row, 0)?);
            }
            drop(rows);
            discard(file, key)?;
        }
        if let Some(key) = trash(file)? {
            remove(file, key)?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Some of the runs that ended longer ago than they are kept.
    fn expired(&self, file: &Connection) -> Result<Vec<i64>, Failure> {
        let now = clock::unix_ms();
        let mut keys = some_keys(file, sql::OVERDUE, now)?;
        if let Some(retention) = self.retention {
            let retention = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
            keys.extend(some_keys(file, sql::EXPIRED, now.saturating_sub(retention))?);
        }
        Ok(keys)
    }
}

fn some_keys(file: &Connection, statement: &str, before_ms: u64) -> Result<Vec<i64>, Failure> {
    let mut statement = file.prepare_cached(statement)?;
    let keys = statement.query_map(params![read::position(before_ms), STEP_RUNS], |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// When the next run is to be removed of those that say so themselves.
fn next_due(file: &Connection) -> Result<Option<u64>, Failure> {
    let due = file.prepare_cached(sql::NEXT_DUE)?.query_row([], |row| row.get(0)).optional()?;
    due.map(read::number).transpose()
}

fn trash(file: &Connection) -> Result<Option<i64>, Failure> {
    Ok(file.prepare_cached(sql::TRASH)?.query_row([], |row| row.get(0)).optional()?)
}

/// Removes some rows of a deleted run; with the last of them, the note about it.
fn remove(file: &Connection, key: i64) -> Result<(), Failure> {
    let limit = read::position(STEP_ROWS as u64);
    let mut removed = file.prepare_cached(sql::REMOVE_EVENTS)?.execute(params![key, limit])?;
    if removed < STEP_ROWS {
        removed = file.prepare_cached(sql::REMOVE_MESSAGES)?.execute(params![key, limit])?;
    }
    if removed < STEP_ROWS {
        file.prepare_cached(sql::REMOVE_TRASH)?.execute([key])?;
    }
    Ok(())
}
