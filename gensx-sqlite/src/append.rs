//! Appending: the decision and the rows, inside the writer's transaction.

use gensx_core::{
    EventId, RunId, SinkErrorKind,
    sink::{Append, Batch, BatchKind, BatchToken, Standing, judge},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    changes::Changes,
    clock,
    error::Failure,
    frames::{self, Row},
    read, sql,
    writer::Work,
};

/// A batch on its way into the file.
pub(crate) struct AppendBatch(pub(crate) Batch);

/// The last key of a run: an event's id has its run's key above its position.
const MAX_KEY: i64 = i64::MAX >> sql::SEQ_BITS;
/// The longest time that a run is kept for which says how long: some 285,000 years, which the sum with a date still holds.
const MAX_KEEP_MS: u64 = (1 << 53) - 1;

/// A run as it stands in the file.
struct Stored {
    key: i64,
    ended: bool,
    last: EventId,
    owner: u64,
}

impl Work for AppendBatch {
    type Output = Append;

    fn bytes(&self) -> usize {
        self.0.payloads.iter().map(|payload| payload.len()).sum()
    }

    fn apply_alone(&self, file: &Connection, changes: &mut Changes) -> Result<Option<Append>, Failure> {
        let Self(batch) = self;
        let added = proceed(file, batch)?;
        if added {
            changes.grown.push((batch.run.clone(), batch.last_seq()));
        }
        Ok(added.then_some(Append::Done))
    }

    fn apply(&self, file: &Connection, changes: &mut Changes) -> Result<Append, Failure> {
        let Self(batch) = self;
        let stored = find(file, &batch.run)?;
        let standing = stored.as_ref().map(|stored| standing(file, stored, batch)).transpose()?;
        let answer = judge(standing, batch);
        if answer == Append::Done {
            let key = match stored {
                Some(stored) => stored.key,
                None => open(file, batch)?,
            };
            changes.expires |= add(file, key, batch)?;
            changes.grown.push((batch.run.clone(), batch.last_seq()));
        }
        Ok(answer)
    }
}

/// Adds what directly follows, if that is so and takes one row: what almost every append is. Anything else is for
/// [`judge`] to tell.
fn proceed(file: &Connection, batch: &Batch) -> Result<bool, Failure> {
    if batch.kind != BatchKind::Continues || batch.closes.is_some() || batch.last_seq() > read::MAX_SEQ {
        return Ok(false);
    }
    let mut rows = frames::rows(&batch.payloads);
    let (Some(Row { count, bytes }), None) = (rows.next(), rows.next()) else { return Ok(false) };
    let (seq, token) = (read::position(batch.first.seq), batch.token.to_bytes());
    let mut statement = file.prepare_cached(sql::CONTINUE)?;
    let added =
        statement.execute(params![batch.run.as_str(), seq, count, batch.first.epoch, token, bytes])?;
    Ok(added == 1)
}

fn find(file: &Connection, run: &RunId) -> Result<Option<Stored>, Failure> {
    let mut statement = file.prepare_cached(sql::STANDING)?;
    let mut rows = statement.query([run.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let BatchToken { owner, .. } = BatchToken::from_bytes(row.get(4)?);
    Ok(Some(Stored { key: row.get(0)?, ended: row.get(1)?, last: read::event_id(row, 2, 3)?, owner }))
}

fn standing(file: &Connection, stored: &Stored, batch: &Batch) -> Result<Standing, Failure> {
    // Almost always the batch is past the end, where there is nothing to look for.
    let at_first =
        if batch.first.seq > stored.last.seq { None } else { at(file, stored.key, batch.first.seq)? };
    Ok(Standing { last: stored.last, owner: stored.owner, ended: stored.ended, at_first })
}

/// The epoch and the token of the append that took a position.
fn at(file: &Connection, key: i64, seq: u64) -> Result<Option<(u32, BatchToken)>, Failure> {
    let mut statement = file.prepare_cached(sql::AT)?;
    let found = statement.query_row(params![key, read::position(seq)], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((epoch, token)) = found.optional()? else { return Ok(None) };
    Ok(Some((epoch, BatchToken::from_bytes(token))))
}

fn open(file: &Connection, batch: &Batch) -> Result<i64, Failure> {
    let opening = match &batch.kind {
        BatchKind::Opens(opening) => opening.clone(),
        BatchKind::Claims { .. } | BatchKind::Continues => "".into(),
    };
    let now = read::position(clock::unix_ms());
    let keep_ms = opening.keep_ms.map(|keep| read::position(keep.min(MAX_KEEP_MS)));
    let retry_of = opening.retry_of.as_ref().map(RunId::as_str);
    let mut statement = file.prepare_cached(sql::OPEN_RUN)?;
    Ok(statement.insert(params![batch.run.as_str(), &*opening.workflow, now, retry_of, keep_ms])?)
}

/// Adds the rows of a batch, and what it says of its run. Whether the run is to be removed some time.
fn add(file: &Connection, key: i64, batch: &Batch) -> Result<bool, Failure> {
    if batch.last_seq() > read::MAX_SEQ || key > MAX_KEY {
        let text = format!(
            "run `{}` cannot have more events: a file holds {MAX_KEY} runs of {} events at most",
            batch.run,
            read::MAX_SEQ
        );
        return Err(Failure::new(SinkErrorKind::TooLarge, text));
    }
    let mut statement = file.prepare_cached(sql::ADD_EVENTS)?;
    let (token, mut seq) = (batch.token.to_bytes(), batch.first.seq);
    for Row { count, bytes } in frames::rows(&batch.payloads) {
        statement.execute(params![key, read::position(seq), count, batch.first.epoch, token, bytes])?;
        seq += u64::from(count);
    }
    if let BatchKind::Claims { deployment } = &batch.kind {
        file.prepare_cached(sql::CLAIM_RUN)?.execute(params![key, deployment.as_deref()])?;
    }
    let Some(status) = batch.closes else { return Ok(false) };
    let now = read::position(clock::unix_ms());
    let mut statement = file.prepare_cached(sql::CLOSE_RUN)?;
    Ok(statement.query_row(params![key, status.as_str(), now], |row| row.get(0))?)
}
