//! What each act changes: the queue, the clients, and what goes wrong.

use std::sync::Arc;

use super::{
    acts::Act,
    rules::Rules,
    world::{CLIENT, Event, Grip, Hold, MAX_CLAIMS, Run, What, World},
};
use crate::{
    EventId,
    lease::{Beat, Bid, Ending, Place, Settled},
    queue::{Due, Lease, Release, Released, Renewed, Wake, WorkerId},
    sink::Append,
};

/// All time there is: leases end, and waits are over, at 1.
const LATER_MS: u64 = 1;

/// The most leases of one run: each but the first follows a trouble, a message or a park, and those are bounded.
const MAX_LEASES: u64 = 40;

/// A run, and a worker that has to do with it.
pub(super) struct Scene<'a> {
    pub(super) world: &'a mut World,
    pub(super) worker: usize,
    pub(super) run: usize,
    pub(super) rules: &'a Rules,
}

impl Scene<'_> {
    pub(super) fn hold(&mut self) -> &mut Hold {
        &mut self.world.workers[self.worker][self.run]
    }

    pub(super) fn run(&mut self) -> &mut Run {
        &mut self.world.runs[self.run]
    }

    pub(super) fn set(&mut self, hold: Hold) -> bool {
        *self.hold() = hold;
        true
    }

    /// Whether some worker still holds the lease that the queue has given.
    pub(super) fn is_worked_on(&mut self) -> bool {
        let run = self.run;
        let Some(Place::Leased { lease, .. }) = self.run().ticket.as_ref().map(|ticket| ticket.place.clone())
        else {
            return false;
        };
        let holds = |hold: &Hold| hold.grip().is_some_and(|grip| grip.lease == lease);
        self.world.workers.iter().any(|worker| holds(&worker[run]))
    }

    pub(super) fn claim(&mut self) -> Result<bool, String> {
        if *self.hold() != Hold::Nothing {
            return Ok(false);
        }
        let rules = self.rules;
        let run = self.run();
        let Some(ticket) = &mut run.ticket else { return Ok(false) };
        let ready = ticket.place == Place::Ready;
        // The numbers tell leases apart; without their names, workers can be told apart by nothing else.
        let worker = WorkerId::from_text("worker");
        let lease = Lease { run: run.id.clone(), worker, number: run.leases + 1 };
        let bid = Bid {
            lease: lease.clone(),
            until_ms: LATER_MS,
            max_claims: MAX_CLAIMS,
            deployment: Arc::from("v1"),
        };
        let Some(deal) = (rules.claim)(ticket, bid) else { return Ok(false) };
        run.leases += 1;
        if run.leases > MAX_LEASES {
            return Err("a run is given again and again".to_owned());
        }
        if !ready {
            return Err("a run was given that was not ready".to_owned());
        }
        if deal.exhausted != (run.crashes >= MAX_CLAIMS) {
            return Err(format!("after {} crashes it was given as {deal:?}", run.crashes));
        }
        let grip = Grip { lease, exhausted: deal.exhausted, first: run.first, wakes: deal.wakes };
        Ok(self.set(Hold::Granted(grip)))
    }

    pub(super) fn beat(&mut self) -> Result<bool, String> {
        let rules = self.rules;
        let Some(mut grip) = self.hold().grip().cloned() else { return Ok(false) };
        let run = self.run();
        let holder = |run: &Run| match run.ticket.as_ref().map(|ticket| &ticket.place) {
            Some(Place::Leased { lease, .. }) => Some(lease.clone()),
            _ => None,
        };
        let before = holder(run);
        let answer = match &mut run.ticket {
            Some(ticket) => (rules.renew)(ticket, &grip.lease, LATER_MS, false),
            None => Renewed::Lost,
        };
        if holder(run) != before {
            return Err("a renewal changed whose the run is".to_owned());
        }
        let mine = before == Some(grip.lease.clone());
        match (rules.beat)(Some(answer), grip.wakes, 0, 1) {
            Beat::GoOn { wakes } if mine => {
                grip.wakes = wakes;
                self.hold().regrip(grip);
            }
            Beat::GoOn { .. } => return Err("a worker went on without its lease".to_owned()),
            Beat::Stop if mine => return Err("a worker stopped that had its lease".to_owned()),
            Beat::Stop => *self.hold() = Hold::Nothing,
        }
        Ok(true)
    }

    pub(super) fn tell(&mut self) -> bool {
        let rules = self.rules;
        let run = self.run();
        if run.untold.is_empty() {
            return false;
        }
        let why = run.untold.remove(0);
        if let Some(ticket) = &mut run.ticket {
            (rules.wake)(ticket, why);
        }
        true
    }

    /// The message, unless the run needs none any more. It is in the inbox before anybody is told.
    pub(super) fn send(&mut self) -> bool {
        let run = self.run();
        let sends = !run.sent && !run.cancelled && !run.stream.is_empty() && !run.has_ended();
        if sends {
            run.sent = true;
            run.untold.push(Wake::Message);
        }
        sends
    }

    pub(super) fn cancel(&mut self) -> bool {
        let run = self.run();
        let cancels = !run.cancelled && !run.stream.is_empty() && !run.has_ended();
        if cancels {
            run.cancelled = true;
            run.untold.push(Wake::Now);
        }
        cancels
    }

    pub(super) fn client_opens(&mut self) -> bool {
        if !std::mem::take(&mut self.run().client_opens) {
            return false;
        }
        self.append(EventId::new(1, 1), CLIENT, What::Opened);
        true
    }

    pub(super) fn expire(&mut self) -> bool {
        let rules = self.rules;
        let run = self.run();
        let over = run.ticket.as_mut().is_some_and(|ticket| (rules.expire)(ticket, LATER_MS));
        run.crashes += u32::from(over);
        over
    }

    pub(super) fn promote(&mut self) -> bool {
        let rules = self.rules;
        self.run().ticket.as_mut().is_some_and(|ticket| (rules.promote)(ticket, LATER_MS))
    }

    pub(super) fn trouble(&mut self, act: Act) -> Result<bool, String> {
        self.world.troubles -= 1;
        match act {
            Act::Crash => Ok(std::mem::replace(self.hold(), Hold::Nothing) != Hold::Nothing),
            Act::ExpireLive => Ok(self.is_worked_on() && self.expire()),
            Act::LoseReply => match self.hold() {
                Hold::Owns(..) => self.go_on(true),
                _ => Ok(false),
            },
            Act::Drain => self.let_go_early(Ending::Drained),
            Act::Cancel => Ok(self.cancel()),
            Act::ClientOpens => Ok(self.client_opens()),
            Act::Unable => self.let_go_early(Ending::Unable(Due::AtMs(LATER_MS))),
            Act::LoseTail(events) => Ok(self.lose_tail(usize::from(events))),
            _ => Ok(false),
        }
    }

    /// The store fails over to a copy that had not heard of the latest events, but knew of the run, and of its end.
    pub(super) fn lose_tail(&mut self, events: usize) -> bool {
        let run = self.run();
        let loses = run.stream.len() > events && !run.has_ended() && run.ticket.is_some();
        if loses {
            run.stream.truncate(run.stream.len() - events);
        }
        loses
    }

    pub(super) fn let_go_early(&mut self, ending: Ending) -> Result<bool, String> {
        match self.hold().clone() {
            Hold::Nothing | Hold::Over(..) => Ok(false),
            Hold::Granted(grip) | Hold::Read(grip, ..) | Hold::Owns(grip, _) => self.release(&grip, ending),
        }
    }

    pub(super) fn release(&mut self, grip: &Grip, ending: Ending) -> Result<bool, String> {
        let how = (self.rules.release_of)(ending);
        let (rules, worker) = (self.rules, &mut self.world.workers[self.worker][self.run]);
        let opened = matches!(worker, Hold::Owns(..) | Hold::Over(..));
        *worker = Hold::Nothing;
        let run = self.run();
        let Some(ticket) = &mut run.ticket else { return Ok(true) };
        let before = ticket.clone();
        let held = matches!(&before.place, Place::Leased { lease, .. } if *lease == grip.lease);
        let settled = (rules.release)(ticket, &grip.lease, &how, 0);
        if !held {
            let nothing = settled == Settled::Stands(Released::Lost) && *ticket == before;
            return if nothing { Ok(true) } else { Err(format!("{how:?} by one that has no lease")) };
        }
        run.first &= !opened;
        match how {
            Release::Park(_) => run.crashes = 0,
            Release::Retry(_) => run.crashes += 1,
            Release::Done | Release::Back | Release::Dead => {}
        }
        if settled == Settled::Gone {
            run.ticket = None;
        }
        Ok(true)
    }

    /// Appends one event, and gives the store's answer.
    pub(super) fn append(&mut self, first: EventId, owner: u64, what: What) -> Append {
        let rules = self.rules;
        let run = self.run();
        let batch = run.batch(first, owner, what);
        let answer = (rules.judge)(run.standing(first.seq), &batch);
        if answer == Append::Done {
            run.stream.push(Event { epoch: first.epoch, owner, what });
        }
        answer
    }

    /// An event that its owner takes for durable must be there.
    pub(super) fn acknowledge(&mut self, first: EventId, owner: u64, what: What) -> Result<(), String> {
        let seq = usize::try_from(first.seq).unwrap_or_default();
        let there = self.run().stream.get(seq - 1).copied();
        if there == Some(Event { epoch: first.epoch, owner, what }) {
            return Ok(());
        }
        Err(format!("{what:?} was acknowledged at {first:?}, where {there:?} is"))
    }
}
