//! A run's row, as the lease protocol's ticket.

use std::sync::Arc;

use gensx_core::{
    RunId, SinkErrorKind,
    lease::{Place, Ticket},
    queue::{Lease, WorkerId},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{error::Failure, read, sql::queue as sql};

/// A run in the queue.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) key: i64,
    pub(super) run: RunId,
    pub(super) workflow: Arc<str>,
    pub(super) since_ms: u64,
    pub(super) seated: bool,
    pub(super) ticket: Ticket,
}

/// How a place is written.
pub(super) fn code(place: &Place) -> i64 {
    match place {
        Place::Ready => 0,
        Place::Delayed { .. } => 1,
        Place::Parked { .. } => 2,
        Place::Leased { .. } => 3,
        Place::Dead { .. } => 4,
    }
}

/// The code of [`Place::Leased`].
pub(super) const LEASED: i64 = 3;

impl Record {
    /// The record that a row of the `RECORD` statements holds. A run with values that are not the library's is damaged, and
    /// that is said of it by name.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, Failure> {
        Self::parse(row).map_err(|failure| {
            let run = read::text(row, 1).unwrap_or("?").to_owned();
            let text = format!("run `{run}` is damaged in the file: remove it, and enqueue it again");
            if failure.is_about_a_value() { Failure::new(SinkErrorKind::Corrupt, text) } else { failure }
        })
    }

    fn parse(row: &Row<'_>) -> Result<Self, Failure> {
        let run = read::run_id(row, 1)?;
        let bound = Some(read::text(row, 12)?).filter(|bound| !bound.is_empty()).map(Arc::from);
        let (since_ms, seated) = (read::number(row.get(4)?)?, row.get(13)?);
        let ticket = Ticket {
            place: place(row, &run, since_ms)?,
            claims: row.get(9)?,
            wakes: read::number(row.get(10)?)?,
            urgent: read::number(row.get(11)?)?,
            bound,
        };
        if seated && ticket.place != Place::Ready {
            return Err(Failure::corrupt("a run in a lane that is not ready"));
        }
        let workflow = read::text(row, 2)?.into();
        Ok(Self { key: row.get(0)?, run, workflow, since_ms, seated, ticket })
    }

    /// Writes what a transition may have changed.
    pub(super) fn store(&self, file: &Connection) -> Result<(), Failure> {
        let Ticket { place, claims, wakes, urgent, bound } = &self.ticket;
        let on_message = matches!(place, Place::Parked { on_message: true, .. });
        let lease = match place {
            Place::Leased { lease, .. } => Some(lease),
            _ => None,
        };
        let mut statement = file.prepare_cached(sql::STORE)?;
        statement.execute(params![
            self.key,
            code(place),
            read::position(self.since_ms),
            self.ticket.due_ms().map(read::position),
            on_message,
            lease.map(|lease| lease.worker.as_str()),
            lease.map(|lease| read::position(lease.number)),
            claims,
            read::position(*wakes),
            read::position(*urgent),
            bound.as_deref().unwrap_or_default(),
        ])?;
        Ok(())
    }

    pub(super) fn of_key(file: &Connection, key: i64) -> Result<Self, Failure> {
        file.prepare_cached(sql::RECORD)?.query_row([key], |row| Ok(Self::read(row)))?
    }

    pub(super) fn of_run(file: &Connection, run: &RunId) -> Result<Option<Self>, Failure> {
        let mut statement = file.prepare_cached(sql::RECORD_OF_RUN)?;
        statement.query_row([run.as_str()], |row| Ok(Self::read(row))).optional()?.transpose()
    }
}

fn place(row: &Row<'_>, run: &RunId, since_ms: u64) -> Result<Place, Failure> {
    let due_ms = row.get::<_, Option<i64>>(5)?.map(read::number).transpose()?;
    Ok(match (row.get(3)?, due_ms) {
        (0, None) => Place::Ready,
        (1, Some(due_ms)) => Place::Delayed { due_ms },
        (2, due_ms) => Place::Parked { due_ms, on_message: row.get(6)? },
        (LEASED, Some(until_ms)) => {
            let worker = WorkerId::from_text(read::text(row, 7)?);
            Place::Leased {
                lease: Lease { run: run.clone(), worker, number: read::number(row.get(8)?)? },
                until_ms,
            }
        }
        (4, None) => Place::Dead { since_ms },
        (place, _) => return Err(Failure::corrupt(format!("a run in place {place}"))),
    })
}
