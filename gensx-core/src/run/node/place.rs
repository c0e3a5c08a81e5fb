//! Where a call stands under its parent, before, while and after it runs.

use std::{
    sync::{Arc, atomic::Ordering},
    task::Waker,
};

use super::Node;
use crate::{
    CallId,
    run::{
        ledger::{Done, Start},
        lock,
    },
};

/// A child's place under its parent, from when it is built until its caller has an outcome, or drops it. An outcome that was
/// recorded for a caller who dropped it is the next one's who takes the place.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) parent: Arc<Node>,
    pub(crate) id: CallId,
    pub(super) generation: u32,
    pub(super) base: CallId,
    pub(super) slot: u32,
    pub(super) held: bool,
}

impl Place {
    /// Whether the parent is still in the attempt in which this place was taken.
    pub(crate) fn is_current(&self) -> bool {
        self.parent.generation.load(Ordering::Acquire) == self.generation
    }

    /// The names from the run's first call down to the one called `name` that stands here.
    pub(crate) fn path(&self, name: &str) -> Arc<str> {
        if self.parent.is_run() { name.into() } else { format!("{}/{name}", self.parent.path()).into() }
    }

    /// What [`is_current`](Self::is_current) asks, without the place.
    pub(crate) fn link(&self) -> Link {
        Link { parent: Arc::clone(&self.parent), generation: self.generation, id: self.id, foreign: false }
    }

    /// Whether a sibling built before has the same name and inputs, or key.
    pub(crate) fn is_repeated(&self) -> bool {
        self.slot > 0
    }

    /// Keeps the place for good: the caller has the outcome.
    pub(crate) fn keep(&mut self) {
        self.held = false;
        self.parent.told.store(true, Ordering::Release);
    }

    /// Leaves a recorded outcome, which its caller does not wait for, to the next who takes this place.
    pub(crate) fn leave(&self, start: Option<Start>, done: Done) {
        if self.is_current() {
            let run = &self.parent.run;
            run.ledger().leave(self.id, start, done);
            run.gate.activate(1);
        }
    }

    /// Has `record` record something of the call that stands here; `None` if its parent wants it no more.
    pub(crate) fn record<R>(&self, record: impl FnOnce() -> R) -> Option<R> {
        let _above = self.parent.if_current(self.generation)?;
        Some(record())
    }

    /// The call that stands here goes before it was polled: if the stream says that it is open, it is cancelled as it would have
    /// been where it was open, and one that takes its place later begins anew.
    pub(crate) fn abandon(&self) {
        let parent_begin = self.parent.begin();
        let open = self.parent.run.ledger().open(self.id, parent_begin);
        if let Some(attempt) = open {
            self.cancel(attempt);
        }
    }

    /// Records that the call which stands here is cancelled, where its parent has not ended. The run's own last event says so
    /// of its first call.
    pub(crate) fn cancel(&self, attempt: u32) {
        if self.parent.is_run() {
            return;
        }
        self.record(|| self.parent.run.push_cancelled(self.id, attempt, false));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held
            && self.is_current()
            && let Some(slots) = lock(&self.parent.state).slots.get_mut(&self.base)
        {
            slots.give_back(self.slot);
        }
    }
}

/// What a call asks at every poll: whether its parent still wants it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) parent: Arc<Node>,
    id: CallId,
    generation: u32,
    /// Whether a task of the application's own polls it.
    foreign: bool,
}

impl Link {
    pub(crate) fn is_current(&self) -> bool {
        self.parent.generation.load(Ordering::Acquire) == self.generation
    }

    /// Notes who is to be woken when the parent wants the call no more: another task than the run's own polls it.
    pub(crate) fn note_foreign(&mut self, waker: &Waker) {
        self.foreign = true;
        self.parent.run.foreign.note(self.parent.id, self.id, waker);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.foreign {
            self.parent.run.foreign.forget(self.parent.id, self.id);
        }
    }
}
