//! What can be seen: queries on the connections that read.

use std::time::Duration;

use gensx_core::{
    RunId,
    lease::Place,
    queue::{DeadRun, Deployment, MAX_DEAD_PAGE, QueueState, QueueStats, Queued},
};
use rusqlite::{Connection, Row, params};

use super::{record::Record, step};
use crate::{error::Failure, read, sql::queue as sql};

/// Deployments that one answer lists: many times as many as a queue should know.
const DEPLOYMENTS_PAGE: i64 = 1_000;

pub(super) fn find(file: &Connection, run: &RunId) -> Result<Option<Queued>, Failure> {
    let Some(record) = Record::of_run(file, run)? else { return Ok(None) };
    let due_ms = record.ticket.due_ms();
    let (state, worker) = match record.ticket.place {
        Place::Ready if record.seated => (QueueState::Ready, None),
        Place::Ready => (QueueState::Held, None),
        Place::Delayed { .. } => (QueueState::Delayed, None),
        Place::Parked { .. } => (QueueState::Parked, None),
        Place::Leased { lease, .. } => (QueueState::Leased, Some(lease.worker)),
        Place::Dead { .. } => (QueueState::Dead, None),
    };
    let (deployment, claims) = (record.ticket.bound, record.ticket.claims);
    Ok(Some(Queued { workflow: record.workflow, state, due_ms, deployment, worker, claims }))
}

pub(super) fn stats(file: &Connection) -> Result<QueueStats, Failure> {
    file.prepare_cached(sql::STATS)?.query_row([], |row| Ok(told(row)))?
}

fn told(row: &Row<'_>) -> Result<QueueStats, Failure> {
    let column = |column| read::number(row.get(column)?);
    let (now_ms, ready, seated) = (step::time(column(0)?), column(1)?, column(6)?);
    let since_ms = row.get::<_, Option<i64>>(7)?.map(read::number).transpose()?;
    Ok(QueueStats {
        ready: seated,
        held: ready.saturating_sub(seated),
        delayed: column(2)?,
        parked: column(3)?,
        leased: column(4)?,
        dead: column(5)?,
        oldest_ready: since_ms.map(|since_ms| Duration::from_millis(now_ms.saturating_sub(since_ms))),
    })
}

pub(super) fn deployments(file: &Connection) -> Result<Vec<Deployment>, Failure> {
    let now_ms = file.prepare_cached(sql::LATEST_MS)?.query_row([], |row| row.get(0))?;
    let now_ms = read::position(step::time(read::number(now_ms)?));
    let mut statement = file.prepare_cached(sql::DEPLOYMENTS)?;
    let mut rows = statement.query(params![now_ms, DEPLOYMENTS_PAGE])?;
    let mut deployments = Vec::new();
    while let Some(row) = rows.next()? {
        let column = |column| read::number(row.get(column)?);
        let (first_seen_ms, runs) = (column(1)?, column(2)?);
        let (workers, draining) = (column(3)?, column(4)?);
        if runs + workers + draining > 0 {
            let name = read::text(row, 0)?.into();
            deployments.push(Deployment { name, first_seen_ms, workers, draining, runs });
        }
    }
    Ok(deployments)
}

pub(super) fn dead(file: &Connection, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>, Failure> {
    let limit = read::position(limit.min(MAX_DEAD_PAGE) as u64);
    let mut statement = file.prepare_cached(sql::DEAD)?;
    // Every id is after the empty text.
    let mut rows = statement.query(params![after.map_or("", RunId::as_str), limit])?;
    let mut dead = Vec::new();
    while let Some(row) = rows.next()? {
        let (run, workflow) = (read::run_id(row, 0)?, read::text(row, 1)?.into());
        dead.push(DeadRun { run, workflow, claims: row.get(2)?, since_ms: read::number(row.get(3)?)? });
    }
    Ok(dead)
}

pub(crate) fn cursor(file: &Connection) -> Result<u64, Failure> {
    read::number(file.prepare_cached(sql::CURSOR)?.query_row([], |row| row.get(0))?)
}
