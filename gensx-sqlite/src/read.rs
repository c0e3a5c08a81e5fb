//! Reading: queries that give the traits' values.

use gensx_core::{
    EventId, RunId, RunStatus, SinkErrorKind,
    sink::{Cursor, Entry, Head, MAX_LOOKED_AT, MAX_PAGE, RunFilter, RunPage, RunSummary, StatusFilter},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{error::Failure, frames, sql};

/// A page ends after this many bytes of payload: entries may be large, and a page is held in memory.
const PAGE_BYTES: usize = 8 << 20;

/// The last position of a stream in this store.
pub(crate) const MAX_SEQ: u64 = (1 << sql::SEQ_BITS) - 1;

/// A number as SQLite holds it. Nothing is stored at a position that it cannot hold.
pub(crate) fn position(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way round.
pub(crate) fn number(position: i64) -> Result<u64, Failure> {
    u64::try_from(position).map_err(|_| Failure::corrupt("a negative position"))
}

pub(crate) fn event_id(row: &Row<'_>, epoch: usize, seq: usize) -> Result<EventId, Failure> {
    Ok(EventId::new(row.get(epoch)?, number(row.get(seq)?)?))
}

fn page(limit: usize, least: usize) -> i64 {
    position(limit.clamp(least, MAX_PAGE) as u64)
}

pub(crate) fn entries(
    file: &Connection,
    run: &RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    let mut statement = file.prepare_cached(sql::READ)?;
    let mut rows = statement.query(params![run.as_str(), position(after.min(MAX_SEQ)), page(limit, 1)])?;
    let limit = limit.clamp(1, MAX_PAGE);
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while bytes < PAGE_BYTES
        && entries.len() < limit
        && let Some(row) = rows.next()?
    {
        bytes += add_row(row, after, limit, &mut entries)?;
    }
    if entries.is_empty() && last_seq(file, run)?.is_none() {
        let text = format!("run `{run}` has no stream: it never started, was deleted, or has expired");
        return Err(Failure::new(SinkErrorKind::NotFound, text));
    }
    Ok(entries)
}

/// Adds the entries of one row that follow `after`, to at most `limit` in all, and gives their size.
fn add_row(row: &Row<'_>, after: u64, limit: usize, entries: &mut Vec<Entry>) -> Result<usize, Failure> {
    let (first, count) = (event_id(row, 2, 0)?, row.get(1)?);
    let payloads = frames::payloads(row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?, count)?;
    let from = usize::try_from(after.saturating_add(1).saturating_sub(first.seq)).unwrap_or(usize::MAX);
    let mut bytes = 0;
    for (seq, payload) in (first.seq..).zip(payloads).skip(from).take(limit - entries.len()) {
        bytes += payload.len();
        entries.push(Entry { id: EventId::new(first.epoch, seq), payload: payload.into() });
    }
    Ok(bytes)
}

/// The position of a run's last event; `None` without a stream.
pub(crate) fn last_seq(file: &Connection, run: &RunId) -> Result<Option<u64>, Failure> {
    let last = file.prepare_cached(sql::LAST_SEQ)?.query_row([run.as_str()], |row| row.get(0)).optional()?;
    last.map(number).transpose()
}

pub(crate) fn head(file: &Connection, run: &RunId) -> Result<Option<Head>, Failure> {
    let mut statement = file.prepare_cached(sql::HEAD)?;
    let mut rows = statement.query([run.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let RunSummary { workflow, last, status, .. } = summary(row)?;
    Ok(Some(Head { workflow, last, status }))
}

pub(crate) fn list(
    file: &Connection,
    filter: &RunFilter,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<RunPage, Failure> {
    let limit = limit.clamp(1, MAX_PAGE);
    let (before_ms, before_run) = upper_bound(filter, after);
    let (before_ms, from_ms, looks) =
        (position(before_ms), position(filter.from_ms), position(MAX_LOOKED_AT as u64 + 1));
    let (statement, one) = match (&filter.workflow, filter.status) {
        (Some(workflow), _) => (sql::LIST_WORKFLOW, Some(&**workflow)),
        (None, StatusFilter::Is(status)) => (sql::LIST_STATUS, Some(status.as_str())),
        (None, StatusFilter::Any | StatusFilter::Ended) => (sql::LIST, None),
    };
    let mut statement = file.prepare_cached(statement)?;
    let mut rows = match one {
        Some(one) => statement.query(params![before_ms, before_run, from_ms, looks, one])?,
        None => statement.query(params![before_ms, before_run, from_ms, looks])?,
    };
    let (mut runs, mut next, mut looked) = (Vec::new(), None, 0);
    while let Some(row) = rows.next()? {
        if runs.len() == limit || looked == MAX_LOOKED_AT {
            return Ok(RunPage::new(runs, next));
        }
        let run = summary(row)?;
        next = Some(run.cursor());
        runs.extend(Some(run).filter(|run| filter.takes(run)));
        looked += 1;
    }
    Ok(RunPage::new(runs, None))
}

/// The place in the order of starts and ids below which a list goes on. Every id is above the empty text.
fn upper_bound<'a>(filter: &RunFilter, after: Option<&'a Cursor>) -> (u64, &'a str) {
    let after = after.map_or((u64::MAX, ""), |after| (after.started_ms(), after.run().as_str()));
    after.min((filter.before_ms.unwrap_or(u64::MAX), ""))
}

fn summary(row: &Row<'_>) -> Result<RunSummary, Failure> {
    let status = RunStatus::parse(text(row, 2)?);
    let status = status.ok_or_else(|| Failure::corrupt("an unknown status of a run"))?;
    let (workflow, last) = (text(row, 1)?, event_id(row, 3, 4)?);
    let mut run = RunSummary::new(run_id(row, 0)?, workflow, number(row.get(5)?)?, last);
    run.status = status;
    run.ended_ms = row.get::<_, Option<i64>>(6)?.map(number).transpose()?;
    run.deployment = row.get::<_, Option<Box<str>>>(7)?.map(Into::into);
    run.retry_of = match row.get_ref(8)?.as_str_or_null().map_err(rusqlite::Error::from)? {
        Some(retry_of) => Some(retry_of.parse().map_err(Failure::corrupt)?),
        None => None,
    };
    Ok(run)
}

pub(crate) fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, Failure> {
    Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
}

pub(crate) fn run_id(row: &Row<'_>, column: usize) -> Result<RunId, Failure> {
    text(row, column)?.parse().map_err(Failure::corrupt)
}

pub(crate) fn messages_page(limit: usize) -> i64 {
    page(limit, 0)
}
