//! What there is, and what must hold of it.

use std::sync::Arc;

use crate::{
    EventId, RunId, RunStatus,
    lease::{Place, Takeover, Ticket},
    queue::{Lease, Wake},
    sink::{Batch, BatchKind, BatchToken, Entry, Head, Payload, Standing},
};

/// Claims that may end in a crash.
pub(super) const MAX_CLAIMS: u32 = 2;

/// The number of the client that opens streams, among their owners.
pub(super) const CLIENT: u64 = u64::MAX;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct World {
    pub(super) runs: Vec<Run>,
    /// What each worker does about each run.
    pub(super) workers: Vec<Vec<Hold>>,
    /// Troubles that may still come.
    pub(super) troubles: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    /// `None`: the queue has forgotten the run.
    pub(super) ticket: Option<Ticket>,
    /// Whether the queue still keeps the first event.
    pub(super) first: bool,
    pub(super) stream: Vec<Event>,
    /// Whether the message was sent, whether the run was cancelled, and the wakes that are on their way.
    pub(super) sent: bool,
    pub(super) cancelled: bool,
    pub(super) untold: Vec<Wake>,
    /// Leases that were given.
    pub(super) leases: u64,
    /// Claims that ended badly since the run made progress.
    pub(super) crashes: u32,
    /// Whether the client's first append is still to come.
    pub(super) client_opens: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Event {
    pub(super) epoch: u32,
    pub(super) owner: u64,
    pub(super) what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum What {
    Opened,
    Claimed,
    Call(u8),
    Received,
    Ended(Last),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Last {
    Succeeded,
    Cancelled,
    GivenUp,
}

/// What a worker does about a run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Hold {
    Nothing,
    /// It was given the run, and has not looked at the stream.
    Granted(Grip),
    /// It has read the stream, and will do this.
    Read(Grip, Takeover, Memory),
    /// Its claim is in the stream.
    Owns(Grip, Owner),
    /// It is done with the run, and will say so.
    Over(Grip, Finish),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Grip {
    pub(super) lease: Lease,
    pub(super) exhausted: bool,
    pub(super) first: bool,
    /// The wakes that it knows of.
    pub(super) wakes: u64,
}

/// What is recorded, as far as an owner knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Memory {
    pub(super) calls: [bool; 2],
    pub(super) received: bool,
    /// The last event that was read.
    pub(super) last: Option<Event>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Owner {
    /// Where its next event goes.
    pub(super) next: EventId,
    pub(super) memory: Memory,
    pub(super) looked: Option<Look>,
    /// What was appended and not answered.
    pub(super) unanswered: Option<What>,
}

/// What a look into the inbox showed, and the wakes that were known before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Look {
    pub(super) wakes: u64,
    pub(super) message: bool,
    pub(super) cancelled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Finish {
    Ended,
    GivenUp,
    Gone,
    Fenced,
}

impl Memory {
    pub(super) fn of(stream: &[Event]) -> Self {
        let mut memory = Self { last: stream.last().copied(), ..Self::default() };
        stream.iter().for_each(|event| memory.note(event.what));
        memory
    }

    pub(super) fn note(&mut self, what: What) {
        match what {
            What::Call(n) => self.calls[usize::from(n)] = true,
            What::Received => self.received = true,
            What::Opened | What::Claimed | What::Ended(_) => {}
        }
    }
}

impl Hold {
    pub(super) fn grip(&self) -> Option<&Grip> {
        match self {
            Self::Nothing => None,
            Self::Granted(grip) | Self::Read(grip, ..) | Self::Owns(grip, _) | Self::Over(grip, _) => {
                Some(grip)
            }
        }
    }

    pub(super) fn regrip(&mut self, new: Grip) {
        match self {
            Self::Nothing => {}
            Self::Granted(grip) | Self::Read(grip, ..) | Self::Owns(grip, _) | Self::Over(grip, _) => {
                *grip = new;
            }
        }
    }
}

impl World {
    /// Runs that were just enqueued.
    pub(super) fn new(workers: usize, runs: usize, troubles: u8) -> Self {
        let run = |n| Run {
            id: format!("run-{n}").parse().unwrap(),
            ticket: Some(Ticket::new(None)),
            first: true,
            stream: Vec::new(),
            sent: false,
            cancelled: false,
            untold: Vec::new(),
            leases: 0,
            crashes: 0,
            client_opens: true,
        };
        Self {
            runs: (0..runs).map(run).collect(),
            workers: vec![vec![Hold::Nothing; runs]; workers],
            troubles,
        }
    }

    /// The same world with its workers in one order: which of them does what makes no difference.
    pub(super) fn in_order(mut self) -> Self {
        let number = |hold: &Hold| hold.grip().map_or(0, |grip| grip.lease.number);
        self.workers.sort_by_key(|holds| holds.iter().map(number).collect::<Vec<_>>());
        self
    }

    /// Whether everything has ended, and nobody does anything.
    pub(super) fn is_settled(&self) -> bool {
        let over = |run: &Run| run.has_ended() && run.ticket.as_ref().is_none_or(Ticket::is_dead);
        self.runs.iter().all(over) && self.workers.iter().flatten().all(|hold| *hold == Hold::Nothing)
    }

    /// What must hold whenever.
    pub(super) fn check(&self) -> Result<(), String> {
        self.runs.iter().try_for_each(Run::check)
    }
}

impl Ticket {
    fn is_dead(&self) -> bool {
        matches!(self.place, Place::Dead { .. })
    }
}

impl Event {
    /// The event as it would be read at `seq`.
    pub(super) fn entry(&self, seq: u64) -> Entry {
        Entry { id: EventId::new(self.epoch, seq), payload: format!("{self:?}").into_bytes().into() }
    }
}

impl Run {
    pub(super) fn has_ended(&self) -> bool {
        self.stream.last().is_some_and(|event| matches!(event.what, What::Ended(_)))
    }

    pub(super) fn head(&self) -> Option<Head> {
        let last = self.stream.last()?;
        let status = if self.has_ended() { RunStatus::Succeeded } else { RunStatus::Running };
        let last = EventId::new(last.epoch, self.stream.len() as u64);
        Some(Head { workflow: Arc::from("run"), last, status })
    }

    pub(super) fn standing(&self, first_seq: u64) -> Option<Standing> {
        let head = self.head()?;
        let at = self.stream.get(usize::try_from(first_seq).ok()?.checked_sub(1)?);
        let token = |event: &Event| (event.epoch, BatchToken { owner: event.owner, number: first_seq });
        Some(Standing {
            last: head.last,
            owner: self.stream.last()?.owner,
            ended: self.has_ended(),
            at_first: at.map(token),
        })
    }

    pub(super) fn batch(&self, first: EventId, owner: u64, what: What) -> Batch {
        let kind = match what {
            What::Opened => BatchKind::Opens("run".into()),
            What::Claimed => BatchKind::Claims { deployment: None },
            What::Call(_) | What::Received | What::Ended(_) => BatchKind::Continues,
        };
        let closes = matches!(what, What::Ended(_)).then_some(RunStatus::Succeeded);
        let token = BatchToken { owner, number: first.seq };
        Batch { run: self.id.clone(), first, token, payloads: vec![Payload::from(*b"event")], kind, closes }
    }

    fn check(&self) -> Result<(), String> {
        let fail = |what: &str| Err(format!("{what}: {self:?}"));
        for (n, event) in self.stream.iter().enumerate() {
            let before = n.checked_sub(1).map(|n| self.stream[n]);
            let begins = matches!(event.what, What::Opened | What::Claimed);
            match before {
                None if event.what != What::Opened => return fail("a stream begins in the middle"),
                Some(before) if matches!(before.what, What::Ended(_)) => {
                    return fail("something follows the end");
                }
                Some(before) if event.epoch < before.epoch => return fail("an owner came back"),
                Some(before) if event.epoch == before.epoch && (begins || event.owner != before.owner) => {
                    return fail("two owners under one epoch");
                }
                Some(before) if event.epoch > before.epoch && event.what != What::Claimed => {
                    return fail("an owner without a claim");
                }
                _ => {}
            }
            let again = self.stream[..n].iter().any(|earlier| earlier.what == event.what);
            if again && matches!(event.what, What::Call(_) | What::Received | What::Opened) {
                return fail("a recorded call ran again");
            }
        }
        match &self.ticket {
            None if !self.has_ended() => fail("the queue forgot a run that has not ended"),
            Some(ticket) if ticket.is_dead() && !self.has_ended() => {
                fail("a dead run without its last event")
            }
            _ => Ok(()),
        }
    }
}
