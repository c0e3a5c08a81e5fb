//! Reading: queries that give the traits' values.

use gensx_core::{
    EventId, RunId, RunStatus, SinkErrorKind,
    sink::{Entry, Head, MAX_PAGE},
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
    rows.next()?.map(|row| listed(row).map(|(_, head)| head)).transpose()
}

pub(crate) fn list(
    file: &Connection,
    unfinished: bool,
    after: Option<&RunId>,
    limit: usize,
) -> Result<Vec<(RunId, Head)>, Failure> {
    let mut statement = file.prepare_cached(if unfinished { sql::LIST_UNFINISHED } else { sql::LIST })?;
    // Every id is after the empty text.
    let after = after.map_or("", RunId::as_str);
    let mut rows = statement.query(params![after, page(limit, 0)])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(listed(row)?);
    }
    Ok(runs)
}

fn listed(row: &Row<'_>) -> Result<(RunId, Head), Failure> {
    let workflow = text(row, 1)?.into();
    let status = RunStatus::parse(text(row, 2)?);
    let status = status.ok_or_else(|| Failure::corrupt("an unknown status of a run"))?;
    Ok((run_id(row, 0)?, Head { workflow, last: event_id(row, 3, 4)?, status }))
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
