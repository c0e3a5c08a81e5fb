//! Lanes of ready runs, and the gates before them, as rows: the queue in memory says how they work. Each step here reads and
//! writes a few rows on their indexes.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{record::Record, step::Step};
use crate::{error::Failure, read, sql::queue as sql};

/// The lanes in which runs go on when one lease under their limit ends. With more workflows and deployments under one limit,
/// each end goes on from its own lane, and so passes by all of them in turns.
const MAX_LANES_PER_ROOM: usize = 256;

/// A row of `queue_gates`: a limit of a run, and the lane in which the run stands before it.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    run: i64,
    number: i64,
    name: String,
    key: String,
    max: i64,
    workflow: String,
    bound: String,
    rank: i64,
    has_turn: bool,
}

impl Gate {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            run: row.get(0)?,
            number: row.get(1)?,
            name: row.get(2)?,
            key: row.get(3)?,
            max: row.get(4)?,
            workflow: row.get(5)?,
            bound: row.get(6)?,
            rank: row.get(7)?,
            has_turn: row.get::<_, i64>(8)? == 1,
        })
    }
}

impl Step<'_> {
    /// Lets a run that has become ready pass its gates.
    pub(super) fn seat(&mut self, record: &Record) -> Result<(), Failure> {
        let arrival = read::position(self.tick());
        let bound = record.ticket.bound.as_deref().unwrap_or_default();
        self.file.prepare_cached(sql::ARRIVE)?.execute(params![record.key, bound, arrival])?;
        self.advance(record.key, 0)
    }

    /// Takes a run out of its lane or line. Its turns are the next ones'.
    pub(super) fn unseat(&mut self, run: i64) -> Result<(), Failure> {
        let freed = self.stand_up(run, 0)?;
        freed.iter().rev().try_for_each(|gate| self.admit(gate))
    }

    /// Lets a run go on from its gate number `from`, as far as it comes.
    fn advance(&mut self, run: i64, from: i64) -> Result<(), Failure> {
        for gate in self.gates(run, from)? {
            if !self.enters(&gate)? {
                return self.set_turn(&gate, false);
            }
        }
        let spot = read::position(self.tick());
        self.file.prepare_cached(sql::ENTER_LANE)?.execute([run, spot])?;
        self.counters.seated += 1;
        self.counters.cursor += 1;
        Ok(())
    }

    /// Tries to take the turn at a gate. A run of a higher priority takes it from one of a lower.
    fn enters(&mut self, gate: &Gate) -> Result<bool, Failure> {
        if !self.has_room(gate)? {
            return Ok(false);
        }
        if let Some(holder) = self.first(sql::TURN, gate)? {
            if holder.rank <= gate.rank {
                return Ok(false);
            }
            self.retreat(&holder)?;
        }
        self.set_turn(gate, true)?;
        Ok(true)
    }

    /// Sends a run back into the line of one of its gates; what it held from there on is the next one's. The turn at the gate
    /// itself is for whoever sent it back, or for the limit's next room.
    pub(super) fn retreat(&mut self, gate: &Gate) -> Result<(), Failure> {
        let freed = self.stand_up(gate.run, gate.number)?;
        self.set_turn(gate, false)?;
        let mut others = freed.iter().rev().filter(|freed| freed.number != gate.number);
        others.try_for_each(|freed| self.admit(freed))
    }

    /// Takes a run from where it stands, and gives up the turns it has from gate number `from` on: these.
    fn stand_up(&mut self, run: i64, from: i64) -> Result<Vec<Gate>, Failure> {
        let left = self.file.prepare_cached(sql::LEAVE_LANE)?.execute([run])?;
        self.counters.seated = self.counters.seated.saturating_sub(left as u64);
        let mut gates = self.gates(run, from)?;
        if !gates.is_empty() {
            self.file.prepare_cached(sql::LEAVE_GATES)?.execute([run, from])?;
        }
        gates.retain(|gate| gate.has_turn);
        Ok(gates)
    }

    /// Lets the first of a gate's line go on, if it is its turn and there is room.
    fn admit(&mut self, gate: &Gate) -> Result<(), Failure> {
        let Some(first) = self.first(sql::LINE, gate)? else { return Ok(()) };
        if self.first(sql::TURN, gate)?.is_some_and(|holder| holder.rank <= first.rank) {
            return Ok(());
        }
        if self.has_room(&first)? {
            self.stand_up(first.run, first.number)?;
            self.advance(first.run, first.number)?;
        }
        Ok(())
    }

    /// The first of a run's gates whose limit has become full since it passed.
    pub(super) fn full_gate(&self, run: i64) -> Result<Option<Gate>, Failure> {
        for gate in self.gates(run, 0)? {
            if !self.has_room(&gate)? {
                return Ok(Some(gate));
            }
        }
        Ok(None)
    }

    /// Counts a lease under each of a run's limits.
    pub(super) fn take_room(&mut self, run: i64) -> Result<(), Failure> {
        for gate in self.gates(run, 0)? {
            self.file.prepare_cached(sql::TAKE_ROOM)?.execute([&gate.name, &gate.key])?;
        }
        Ok(())
    }

    /// Counts a lease no more, and lets those go on that waited for it, one in each lane.
    pub(super) fn give_room(&mut self, run: i64) -> Result<(), Failure> {
        let gates = self.gates(run, 0)?;
        for Gate { name, key, .. } in &gates {
            self.file.prepare_cached(sql::GIVE_ROOM)?.execute([name, key])?;
            self.file.prepare_cached(sql::REMOVE_ROOM)?.execute([name, key])?;
        }
        for gate in gates.iter().rev() {
            for (workflow, bound) in self.lanes_before(gate)? {
                self.admit(&Gate { workflow, bound, ..gate.clone() })?;
            }
        }
        Ok(())
    }

    /// The lanes in which runs wait in a limit's line: those after the gate's own, then from the first up to it.
    fn lanes_before(&self, gate: &Gate) -> Result<Vec<(String, String)>, Failure> {
        let own = (gate.workflow.clone(), gate.bound.clone());
        let mut statement = self.file.prepare_cached(sql::NEXT_LINE)?;
        let (mut lanes, mut at, mut around) = (Vec::new(), own.clone(), false);
        while lanes.len() < MAX_LANES_PER_ROOM {
            let asked = params![gate.name, gate.key, at.0, at.1];
            let next = statement.query_row(asked, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            match next.filter(|next| !around || *next <= own) {
                Some(next) => {
                    at = next;
                    lanes.push(at.clone());
                }
                None if around => break,
                // No name is empty: every lane is after this one.
                None => (at, around) = ((String::new(), String::new()), true),
            }
        }
        Ok(lanes)
    }

    fn gates(&self, run: i64, from: i64) -> Result<Vec<Gate>, Failure> {
        let mut statement = self.file.prepare_cached(sql::GATES)?;
        let gates = statement.query_map([run, from], Gate::read)?;
        Ok(gates.collect::<Result<_, _>>()?)
    }

    /// Who has the turn at a gate, or who is the first in its line.
    fn first(&self, statement: &str, gate: &Gate) -> Result<Option<Gate>, Failure> {
        let mut statement = self.file.prepare_cached(statement)?;
        let at = [&gate.name, &gate.key, &gate.workflow, &gate.bound];
        Ok(statement.query_row(at, Gate::read).optional()?)
    }

    fn set_turn(&self, gate: &Gate, turn: bool) -> Result<(), Failure> {
        self.file.prepare_cached(sql::SET_TURN)?.execute(params![gate.run, gate.number, turn])?;
        Ok(())
    }

    fn has_room(&self, gate: &Gate) -> Result<bool, Failure> {
        let mut statement = self.file.prepare_cached(sql::LEASED)?;
        let leased: Option<i64> =
            statement.query_row([&gate.name, &gate.key], |row| row.get(0)).optional()?;
        Ok(leased.unwrap_or_default() < gate.max)
    }
}
