//! Lanes of ready runs, and the gates before them: who may be claimed next, and who waits for room or for a turn.
//!
//! A ready run passes the gates of its limits in their order. At each, it takes the turn if nobody in its lane has it and
//! the limit has room, or else waits in the gate's line, keeping the turns it has. Past the last gate it stands in its lane. When a
//! turn is given up, or room is made, the first of the line goes on. Of several gates at once the last is seen to first:
//! whoever stands in its line has passed the earlier ones before those who come through them now.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use super::state::State;
use crate::{RunId, queue::Limit};

/// Where runs of one workflow that the same deployments may claim stand: those bound to it, or to none.
pub(super) type Lane = (Arc<str>, Option<Arc<str>>);

/// A run's place among others: priority, arrival.
pub(super) type Spot = (Reverse<i8>, u64, RunId);

/// A limit's name and key, before one lane.
pub(super) type GateId = (Arc<str>, Arc<str>, Lane);

/// Whose turn it is in one lane under one limit, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    turn: Option<RunId>,
    line: BTreeSet<Spot>,
}

/// Where a ready run stands.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) lane: Lane,
    pub(super) at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum At {
    /// In the lane, at this place; it has the turn at each of its gates.
    Lane(u64),
    /// In the line of its gate of this number; it has the turn at those before.
    Line(usize),
}

fn gate_id(limit: &Limit, lane: &Lane) -> GateId {
    (Arc::clone(&limit.name), Arc::clone(&limit.key), lane.clone())
}

impl State {
    /// Lets a run that has become ready pass its gates.
    pub(super) fn seat(&mut self, run: &RunId) {
        let Some(record) = self.runs.get(run) else { return };
        let lane = (Arc::clone(&record.workflow), record.ticket.bound.clone());
        self.ready.insert((record.ready_ms, run.clone()));
        self.advance(run, lane, 0);
    }

    /// Lets a run go on from its gate number `from`, as far as it comes.
    fn advance(&mut self, run: &RunId, lane: Lane, from: usize) {
        let gates = self.runs.get(run).map_or(0, |record| record.limits.len());
        let at = match (from..gates).find(|gate| !self.enters(run, &lane, *gate)) {
            Some(gate) => At::Line(gate),
            None => At::Lane(self.tick()),
        };
        self.sit(run, Seat { lane, at });
    }

    /// Tries to take the turn at a gate. A run of a higher priority takes it from one of a lower.
    fn enters(&mut self, run: &RunId, lane: &Lane, gate: usize) -> bool {
        let Some(record) = self.runs.get(run) else { return false };
        let (limit, priority) = (&record.limits[gate], record.priority);
        if !self.has_room(limit) {
            return false;
        }
        let id = gate_id(limit, lane);
        let turn = self.gates.get(&id).and_then(|gate| gate.turn.clone());
        if let Some(holder) = turn {
            if self.runs.get(&holder).is_some_and(|record| record.priority >= priority) {
                return false;
            }
            let back = self.gate_number(&holder, &id).unwrap_or_default();
            self.retreat(&holder, back);
        }
        self.gates.entry(id).or_default().turn = Some(run.clone());
        true
    }

    fn gate_number(&self, run: &RunId, (name, key, _): &GateId) -> Option<usize> {
        self.runs.get(run)?.limits.iter().position(|limit| limit.name == *name && limit.key == *key)
    }

    /// Sends a run back into the line of one of its gates; what it held from there on is the next one's.
    pub(super) fn retreat(&mut self, run: &RunId, gate: usize) {
        let Some(Seat { lane, .. }) = self.runs.get(run).and_then(|record| record.seat.clone()) else {
            return;
        };
        let mut freed = self.stand_up(run, gate);
        self.sit(run, Seat { lane, at: At::Line(gate) });
        // The turn at the gate itself is for whoever sent it back, or for the limit's next room.
        freed.retain(|id| self.gate_number(run, id) != Some(gate));
        freed.iter().rev().for_each(|id| self.admit(id));
    }

    /// Takes a run out of its lane or line. Its turns are the next ones'.
    pub(super) fn unseat(&mut self, run: &RunId) {
        let freed = self.stand_up(run, 0);
        if let Some(record) = self.runs.get_mut(run) {
            self.ready.remove(&(record.ready_ms, run.clone()));
        }
        freed.iter().rev().for_each(|id| self.admit(id));
    }

    /// Takes a run from where it stands, and gives up the turns it has from gate number `from` on: these.
    fn stand_up(&mut self, run: &RunId, from: usize) -> Vec<GateId> {
        let Some(record) = self.runs.get_mut(run) else { return Vec::new() };
        let Some(Seat { lane, at }) = record.seat.take() else { return Vec::new() };
        let (priority, order) = (Reverse(record.priority), record.order);
        let gates: Vec<GateId> = record.limits.iter().map(|limit| gate_id(limit, &lane)).collect();
        let held = match at {
            At::Lane(place) => {
                self.leave_lane(&lane, &(priority, place, run.clone()));
                gates.len()
            }
            At::Line(gate) => {
                self.gates.entry(gates[gate].clone()).or_default().line.remove(&(
                    priority,
                    order,
                    run.clone(),
                ));
                self.tidy(&gates[gate]);
                gate
            }
        };
        let freed: Vec<GateId> = gates.into_iter().take(held).skip(from).collect();
        for id in &freed {
            self.gates.entry(id.clone()).or_default().turn = None;
            self.tidy(id);
        }
        freed
    }

    fn leave_lane(&mut self, lane: &Lane, spot: &Spot) {
        let Some(spots) = self.lanes.get_mut(lane) else { return };
        spots.remove(spot);
        self.counts.seated -= 1;
        if spots.is_empty() {
            self.lanes.remove(lane);
        }
    }

    fn sit(&mut self, run: &RunId, seat: Seat) {
        let Some(record) = self.runs.get_mut(run) else { return };
        let priority = Reverse(record.priority);
        match seat.at {
            At::Lane(place) => {
                self.lanes.entry(seat.lane.clone()).or_default().insert((priority, place, run.clone()));
                self.counts.seated += 1;
                self.cursor += 1;
            }
            At::Line(gate) => {
                let id = gate_id(&record.limits[gate], &seat.lane);
                self.gates.entry(id).or_default().line.insert((priority, record.order, run.clone()));
            }
        }
        record.seat = Some(seat);
    }

    /// Lets the first of a line go on, if it is its turn and there is room.
    fn admit(&mut self, id: &GateId) {
        let Some(gate) = self.gates.get(id) else { return };
        let Some((priority, _, run)) = gate.line.first().cloned() else { return };
        let precedes =
            |holder: &RunId| self.runs.get(holder).is_some_and(|record| Reverse(record.priority) <= priority);
        if gate.turn.as_ref().is_some_and(precedes) {
            return;
        }
        let Some(number) = self.gate_number(&run, id) else { return };
        if self.runs.get(&run).is_some_and(|record| self.has_room(&record.limits[number])) {
            self.stand_up(&run, number);
            self.advance(&run, id.2.clone(), number);
        }
    }

    fn tidy(&mut self, id: &GateId) {
        if self.gates.get(id).is_some_and(|gate| gate.turn.is_none() && gate.line.is_empty()) {
            self.gates.remove(id);
        }
    }

    fn has_room(&self, limit: &Limit) -> bool {
        let active = self.active.get(&(Arc::clone(&limit.name), Arc::clone(&limit.key)));
        active.is_none_or(|active| *active < limit.max)
    }

    /// The first of a run's gates whose limit has become full since it passed.
    pub(super) fn full_gate(&self, run: &RunId) -> Option<usize> {
        self.runs.get(run)?.limits.iter().position(|limit| !self.has_room(limit))
    }

    /// Counts a lease under each of a run's limits.
    pub(super) fn take_room(&mut self, run: &RunId) {
        let Some(record) = self.runs.get(run) else { return };
        for limit in &record.limits {
            *self.active.entry((Arc::clone(&limit.name), Arc::clone(&limit.key))).or_default() += 1;
        }
    }

    /// Counts a lease no more, and lets those go on that waited for it, one in each lane.
    pub(super) fn give_room(&mut self, run: &RunId) {
        let Some(limits) = self.runs.get(run).map(|record| record.limits.clone()) else { return };
        for Limit { name, key, .. } in &limits {
            let id = (Arc::clone(name), Arc::clone(key));
            if let Some(active) = self.active.get_mut(&id) {
                *active -= 1;
                if *active == 0 {
                    self.active.remove(&id);
                }
            }
        }
        for Limit { name, key, .. } in limits.iter().rev() {
            let least = (Arc::clone(name), Arc::clone(key), (Arc::from(""), None));
            let ours = |(n, k, _): &&GateId| n == name && k == key;
            let gates: Vec<GateId> =
                self.gates.range(least..).map(|(id, _)| id).take_while(ours).cloned().collect();
            gates.iter().for_each(|id| self.admit(id));
        }
    }
}
