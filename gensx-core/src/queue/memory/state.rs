//! One record for each run, and what keeps the indexes in step with it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::Arc,
};

use super::{
    fleet::Fleet,
    gates::{Gate, GateId, Lane, Seat, Spot},
};
use crate::{
    RunId,
    lease::{self, Place, Settled, Ticket},
    queue::{
        Enqueue, Enqueued, Lease, Limit, MAX_DUE_PER_CALL, Release, Released, Removed, Renewal, Renewed,
        Wake, millis,
    },
    sink::Payload,
};

/// A workflow and an idempotency key.
type StartKey = (Arc<str>, Arc<str>);

/// Everything that a queue in memory holds. Its time is given to each call.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) runs: HashMap<RunId, Record>,
    /// What has a time: starts, parked runs, leases.
    pub(super) agenda: BTreeSet<(u64, RunId)>,
    /// Ready runs by since when.
    pub(super) ready: BTreeSet<(u64, RunId)>,
    pub(super) dead: BTreeSet<RunId>,
    pub(super) lanes: BTreeMap<Lane, BTreeSet<Spot>>,
    pub(super) gates: BTreeMap<GateId, Gate>,
    /// How many runs hold a lease under a limit.
    pub(super) active: HashMap<StartKey, u32>,
    pub(super) fleet: Fleet,
    pub(super) counts: Counts,
    /// When a workflow was last given out, in claims since the queue was made.
    pub(super) served: HashMap<Arc<str>, u64>,
    keys: HashMap<StartKey, (RunId, u64)>,
    keys_until: BTreeSet<(u64, StartKey)>,
    /// Numbers leases and places in lanes.
    pub(super) ticks: u64,
    /// Grows whenever a claim may give more than before.
    pub(super) cursor: u64,
}

/// A run in the queue.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) workflow: Arc<str>,
    pub(super) first: Option<Payload>,
    pub(super) priority: i8,
    pub(super) limits: Vec<Limit>,
    pub(super) ticket: Ticket,
    /// When it became ready, in the order of all that did.
    pub(super) order: u64,
    pub(super) ready_ms: u64,
    pub(super) seat: Option<Seat>,
}

/// Runs by where they stand; those that are held count as ready.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) ready: u64,
    pub(super) delayed: u64,
    pub(super) parked: u64,
    pub(super) leased: u64,
    pub(super) dead: u64,
    /// Of the ready ones, those that stand in a lane.
    pub(super) seated: u64,
}

impl Counts {
    pub(super) fn of(&mut self, place: &Place) -> &mut u64 {
        match place {
            Place::Ready => &mut self.ready,
            Place::Delayed { .. } => &mut self.delayed,
            Place::Parked { .. } => &mut self.parked,
            Place::Leased { .. } => &mut self.leased,
            Place::Dead { .. } => &mut self.dead,
        }
    }
}

impl State {
    pub(super) fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    /// `Err`: the queue is full.
    pub(super) fn enqueue(&mut self, entry: &Enqueue, now_ms: u64) -> Result<Enqueued, u64> {
        self.forget_keys(now_ms);
        let key =
            entry.key.as_ref().map(|key| ((Arc::clone(&entry.workflow), Arc::clone(&key.key)), key.ttl));
        if let Some((run, until_ms)) = key.as_ref().and_then(|(key, _)| self.keys.get(key))
            && *until_ms > now_ms
        {
            return Ok(Enqueued::Known(run.clone()));
        }
        if self.runs.contains_key(&entry.run) {
            return Ok(Enqueued::Known(entry.run.clone()));
        }
        let waiting = self.counts.ready + self.counts.delayed;
        if waiting >= entry.max_waiting {
            return Err(waiting);
        }
        if let Some((key, ttl)) = key {
            let until_ms = now_ms.saturating_add(millis(ttl));
            self.keys.insert(key.clone(), (entry.run.clone(), until_ms));
            self.keys_until.insert((until_ms, key));
        }
        self.add(entry, now_ms);
        Ok(Enqueued::Fresh)
    }

    fn add(&mut self, entry: &Enqueue, now_ms: u64) {
        let record = Record {
            workflow: Arc::clone(&entry.workflow),
            first: entry.first.clone(),
            priority: entry.priority,
            limits: entry.gates(),
            ticket: Ticket::new(entry.due.later_than(now_ms)),
            order: 0,
            ready_ms: now_ms,
            seat: None,
        };
        self.runs.insert(entry.run.clone(), record);
        self.arrive(&entry.run, now_ms);
    }

    /// Forgets some of the keys whose time is over.
    fn forget_keys(&mut self, now_ms: u64) {
        for _ in 0..MAX_DUE_PER_CALL {
            let Some((until_ms, key)) = self.keys_until.first().cloned() else { return };
            if until_ms > now_ms {
                return;
            }
            self.keys_until.remove(&(until_ms, key.clone()));
            // It may have been taken anew since.
            if self.keys.get(&key).is_some_and(|(_, until)| *until == until_ms) {
                self.keys.remove(&key);
            }
        }
    }

    pub(super) fn renew(&mut self, renewal: &Renewal, until_ms: u64, now_ms: u64) -> Renewed {
        let Renewal { lease, opened, progressed } = renewal;
        let renewed =
            self.change(&lease.run, now_ms, |ticket| lease::renew(ticket, lease, until_ms, *progressed));
        if *opened && let Some(Renewed::Kept { .. }) = renewed {
            self.opened(&lease.run);
        }
        renewed.unwrap_or(Renewed::Lost)
    }

    pub(super) fn release(&mut self, lease: &Lease, how: &Release, opened: bool, now_ms: u64) -> Released {
        let run = &lease.run;
        let settled = self.change(run, now_ms, |ticket| lease::release(ticket, lease, how, now_ms));
        match settled {
            None | Some(Settled::Stands(Released::Lost)) => Released::Lost,
            Some(Settled::Gone) => {
                self.forget(run, now_ms);
                Released::Released
            }
            Some(Settled::Stands(released)) => {
                if opened {
                    self.opened(run);
                }
                released
            }
        }
    }

    fn opened(&mut self, run: &RunId) {
        if let Some(record) = self.runs.get_mut(run) {
            record.first = None;
        }
    }

    pub(super) fn wake(&mut self, run: &RunId, why: Wake, now_ms: u64) -> bool {
        let dead = |record: &Record| matches!(record.ticket.place, Place::Dead { .. });
        if self.runs.get(run).is_none_or(dead) {
            return false;
        }
        self.change(run, now_ms, |ticket| lease::wake(ticket, why));
        true
    }

    pub(super) fn remove(&mut self, run: &RunId, now_ms: u64) -> Removed {
        match self.runs.get(run).map(|record| &record.ticket.place) {
            None => Removed::Unknown,
            Some(Place::Leased { .. }) => Removed::Leased,
            Some(_) => {
                self.forget(run, now_ms);
                Removed::Removed
            }
        }
    }

    /// Lets a transition of the protocol change a run, and brings every index in step. `None`: no such run.
    pub(super) fn change<T>(
        &mut self,
        run: &RunId,
        now_ms: u64,
        transition: impl FnOnce(&mut Ticket) -> T,
    ) -> Option<T> {
        let record = self.runs.get_mut(run)?;
        let before = record.ticket.clone();
        let result = transition(&mut record.ticket);
        let moved = mem::discriminant(&record.ticket.place) != mem::discriminant(&before.place);
        if moved {
            self.depart(run, &before);
            self.arrive(run, now_ms);
        } else {
            // A lease that was renewed, a wake that was counted: it keeps its place.
            let due_ms = record.ticket.due_ms();
            self.reschedule(run, before.due_ms(), due_ms);
        }
        Some(result)
    }

    fn reschedule(&mut self, run: &RunId, before: Option<u64>, after: Option<u64>) {
        if before == after {
            return;
        }
        if let Some(due_ms) = before {
            self.agenda.remove(&(due_ms, run.clone()));
        }
        if let Some(due_ms) = after {
            self.agenda.insert((due_ms, run.clone()));
        }
    }

    fn forget(&mut self, run: &RunId, now_ms: u64) {
        let Some(before) = self.runs.get(run).map(|record| record.ticket.clone()) else { return };
        self.depart(run, &before);
        self.runs.remove(run);
        self.fleet.tidy(now_ms);
    }

    /// Takes a run out of every index that it stood in with the ticket it had.
    fn depart(&mut self, run: &RunId, before: &Ticket) {
        *self.counts.of(&before.place) -= 1;
        self.reschedule(run, before.due_ms(), None);
        if let Some(bound) = before.bound.as_ref().filter(|_| !matches!(before.place, Place::Dead { .. })) {
            self.fleet.unbind(bound);
        }
        match before.place {
            Place::Ready => self.unseat(run),
            Place::Leased { .. } => self.give_room(run),
            Place::Dead { .. } => {
                self.dead.remove(run);
            }
            Place::Delayed { .. } | Place::Parked { .. } => {}
        }
    }

    /// Puts a run into every index that it stands in with the ticket it has.
    fn arrive(&mut self, run: &RunId, now_ms: u64) {
        let order = self.tick();
        let due_ms = self.runs.get(run).and_then(|record| record.ticket.due_ms());
        self.reschedule(run, None, due_ms);
        let Some(record) = self.runs.get_mut(run) else { return };
        *self.counts.of(&record.ticket.place) += 1;
        if let Some(bound) = &record.ticket.bound
            && !matches!(record.ticket.place, Place::Dead { .. })
        {
            self.fleet.bind(bound, now_ms);
        }
        match record.ticket.place {
            Place::Ready => {
                (record.order, record.ready_ms) = (order, now_ms);
                self.seat(run);
            }
            Place::Leased { .. } => self.take_room(run),
            Place::Dead { .. } => {
                self.dead.insert(run.clone());
            }
            // Who waits goes by what was due at its last claim: it must hear of what is due earlier.
            Place::Delayed { .. } | Place::Parked { .. } => {
                self.cursor += u64::from(due_ms.is_some() && self.is_next(run));
            }
        }
    }

    fn is_next(&self, run: &RunId) -> bool {
        self.agenda.first().is_some_and(|(_, first)| first == run)
    }
}
