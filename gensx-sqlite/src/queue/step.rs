//! One call's step: the time it happens at, and the one row that it reads first and writes last.

use gensx_core::lease::Place;
use rusqlite::{Connection, Row, params};

use super::record::code;
use crate::{changes::Changes, clock, error::Failure, read, sql::queue as sql, writer::Work};

/// How far the machine's clock may be set back unnoticed: so long, the queue's time stands still. Past it, the clock was
/// wrong before, and is believed: leases must not last until a time that was told by mistake.
const STAND_STILL_MS: u64 = 60_000;

/// The places that are counted.
const PLACES: usize = 5;

/// The row of `queue_state`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Counters {
    latest_ms: u64,
    ticks: u64,
    /// Grows whenever a claim may give more than before.
    pub(super) cursor: u64,
    /// Runs by the code of their place; those that are held count as ready.
    by_place: [u64; PLACES],
    /// Of the ready ones, those that stand in a lane.
    pub(super) seated: u64,
}

impl Counters {
    pub(super) fn load(file: &Connection) -> Result<Self, Failure> {
        file.prepare_cached(sql::STATE)?.query_row([], |row| Ok(Self::read(row)))?
    }

    fn read(row: &Row<'_>) -> Result<Self, Failure> {
        let column = |column| read::number(row.get(column)?);
        Ok(Self {
            latest_ms: column(0)?,
            ticks: column(1)?,
            cursor: column(2)?,
            by_place: [column(3)?, column(4)?, column(5)?, column(6)?, column(7)?],
            seated: column(8)?,
        })
    }

    pub(super) fn store(&self, file: &Connection) -> Result<(), Failure> {
        let [ready, delayed, parked, leased, dead] = self.by_place.map(read::position);
        let [latest_ms, ticks, cursor, seated] =
            [self.latest_ms, self.ticks, self.cursor, self.seated].map(read::position);
        let mut statement = file.prepare_cached(sql::SET_STATE)?;
        statement.execute(params![latest_ms, ticks, cursor, ready, delayed, parked, leased, dead, seated])?;
        Ok(())
    }

    /// Runs that have not begun, or that could go on: those that [`max_waiting`](gensx_core::queue::Enqueue::max_waiting) bounds.
    pub(super) fn waiting(&self) -> u64 {
        self.by_place[0] + self.by_place[1]
    }

    pub(super) fn add(&mut self, place: &Place) {
        self.by_place[code(place) as usize] += 1;
    }

    pub(super) fn subtract(&mut self, place: i64) {
        let count = usize::try_from(place).ok().and_then(|place| self.by_place.get_mut(place));
        if let Some(count) = count {
            // A count that another program changed must not be every later call's failure.
            *count = count.saturating_sub(1);
        }
    }
}

/// The time of a queue that has told `latest_ms` before. The processes on a file share a machine, and so its clock; what they
/// have told each other through the file is the later of two times that are close.
pub(super) fn time(latest_ms: u64) -> u64 {
    told(latest_ms, clock::machine_ms())
}

fn told(latest_ms: u64, machine_ms: u64) -> u64 {
    if latest_ms.saturating_sub(machine_ms) > STAND_STILL_MS { machine_ms } else { latest_ms.max(machine_ms) }
}

/// A call at work, inside the writer's transaction.
pub(super) struct Step<'a> {
    pub(super) file: &'a Connection,
    pub(super) now_ms: u64,
    pub(super) counters: Counters,
}

impl Step<'_> {
    /// A number that was not given before.
    pub(super) fn tick(&mut self) -> u64 {
        self.counters.ticks += 1;
        self.counters.ticks
    }
}

/// What a call does, as work for the writer.
pub(super) struct Call<F> {
    pub(super) bytes: usize,
    pub(super) work: F,
}

impl<T, F> Work for Call<F>
where
    T: Send,
    F: Fn(&mut Step<'_>) -> Result<T, Failure> + Send + 'static,
{
    type Output = T;

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn apply(&self, file: &Connection, changes: &mut Changes) -> Result<T, Failure> {
        let before = Counters::load(file)?;
        let mut step = Step { file, now_ms: time(before.latest_ms), counters: before.clone() };
        let answer = (self.work)(&mut step)?;
        // Who finds nothing to do writes nothing: a worker may ask as often as it likes.
        if step.counters != before {
            step.counters.latest_ms = step.now_ms;
            step.counters.store(file)?;
        }
        if step.counters.cursor != before.cursor {
            changes.queue = Some(step.counters.cursor);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_for_a_small_step_back_and_not_for_a_large_one() {
        assert_eq!(told(0, 1_000_000), 1_000_000);
        assert_eq!(told(1_000_000, 1_000_001), 1_000_001);
        assert_eq!(told(1_000_000, 999_000), 1_000_000);
        assert_eq!(told(1_000_000, 1_000_000 - STAND_STILL_MS), 1_000_000);
        assert_eq!(told(1_000_000, 1_000_000 - STAND_STILL_MS - 1), 939_999);
    }
}
