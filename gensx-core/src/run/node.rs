//! A running call: where its children take their identities, and what ends with it.

mod place;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Waker,
};

pub(crate) use place::{Link, Place};
use tokio::task::AbortHandle;

use super::{RunCore, by_call::ByCall, lock, rest::Rest};
use crate::{
    CallId, Error,
    component::SpecRef,
    identity::{Fingerprint, Marker, Slots},
};

/// A call that has started and not ended.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) run: Arc<RunCore>,
    pub(crate) id: CallId,
    pub(crate) spec: SpecRef,
    fingerprint: Fingerprint,
    parent: Option<Arc<Node>>,
    /// How many calls are above it.
    pub(crate) depth: u32,
    /// The parent's generation when this call was built.
    born: u32,
    /// Whether its attempts have a timeout.
    timed: bool,
    /// Whether outcomes below are kept in memory, because this call or one above may begin another attempt.
    pub(crate) keep: bool,
    /// Counts attempts and the end: a child built under another number belongs to the past.
    generation: AtomicU32,
    attempt: AtomicU32,
    /// Whether the outcome of a call below was given to its caller.
    told: AtomicBool,
    state: Mutex<State>,
}

/// How a call is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// The number of its attempt.
    pub(crate) attempt: u32,
    /// Whether another attempt may follow.
    pub(crate) retries: bool,
    /// Whether its attempts have a timeout.
    pub(crate) timed: bool,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    /// Where the current attempt begins in the stream: failures of children before it are run again.
    begin: u64,
    slots: ByCall<Slots>,
    open: ByCall<Weak<Node>>,
    tasks: Vec<AbortHandle>,
    /// What of this call waits, where runs are parked: its own next attempt, its sleeps and inputs.
    rests: Vec<(CallId, Rest)>,
    poison: Option<Error>,
}

/// Who is to be told that what they did is over: when nothing is locked, since it may drop calls.
#[derive(Default)]
struct Over {
    tasks: Vec<AbortHandle>,
    wakers: Vec<Waker>,
}

impl Over {
    fn tell(self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        self.wakers.into_iter().for_each(Waker::wake);
    }
}

impl Node {
    /// The node above a run's first call. Users never see it.
    pub(crate) fn run(run: Arc<RunCore>, id: CallId, spec: SpecRef) -> Arc<Self> {
        Arc::new(Self {
            run,
            id,
            spec,
            fingerprint: Fingerprint::NONE,
            parent: None,
            depth: 0,
            born: 0,
            timed: false,
            keep: false,
            generation: AtomicU32::new(0),
            attempt: AtomicU32::new(1),
            told: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// Starts the call that stands at `place`, and has `record` say so; `None` if its parent wants it no more.
    pub(crate) fn start(
        place: &Place,
        (spec, fingerprint): (SpecRef, Fingerprint),
        Trial { attempt, retries, timed }: Trial,
        record: impl FnOnce(&Self) -> u64,
    ) -> Option<Arc<Self>> {
        let parent = &place.parent;
        let node = Arc::new(Self {
            run: Arc::clone(&parent.run),
            id: place.id,
            spec,
            fingerprint,
            parent: Some(Arc::clone(parent)),
            depth: parent.depth + 1,
            born: place.generation,
            timed,
            keep: parent.keep || retries,
            generation: AtomicU32::new(0),
            attempt: AtomicU32::new(attempt),
            told: AtomicBool::new(false),
            state: Mutex::default(),
        });
        let mut above = parent.if_current(place.generation)?;
        above.open.insert(place.id, Arc::downgrade(&node));
        let begin = record(&node);
        drop(above);
        node.set_begin(begin);
        Some(node)
    }

    /// This call's state, locked, while it is in the attempt that a child was built in. What is recorded of the child
    /// meanwhile stands before the end of that attempt.
    fn if_current(&self, generation: u32) -> Option<MutexGuard<'_, State>> {
        let state = lock(&self.state);
        (self.generation.load(Ordering::Acquire) == generation).then_some(state)
    }

    /// Whether this is the node above the run's first call.
    pub(crate) fn is_run(&self) -> bool {
        self.parent.is_none()
    }

    /// Whether this is the run's first call: the run's own events stand for its start and its end.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent.is_run())
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self) -> u64 {
        lock(&self.state).begin
    }

    fn set_begin(&self, seq: u64) {
        lock(&self.state).begin = seq;
    }

    /// The names from the run's first call down to this one.
    pub(crate) fn path(&self) -> Arc<str> {
        let mut names = vec![self.spec.name.as_ref()];
        let mut above = self.parent.as_deref();
        while let Some(node) = above.filter(|node| !node.is_run()) {
            names.push(node.spec.name.as_ref());
            above = node.parent.as_deref();
        }
        names.reverse();
        names.join("/").into()
    }

    /// The same for every attempt and replay of this call with these inputs.
    pub(crate) fn idempotency_key(&self) -> String {
        CallId::of(self.id, "idempotency key", &Marker::Inputs(self.fingerprint), 0).to_string()
    }

    /// Takes a place for a child that is being built.
    pub(crate) fn place(self: &Arc<Self>, name: &str, marker: &Marker<'_>) -> Place {
        let generation = self.generation.load(Ordering::Acquire);
        if self.is_run() {
            // A run has one first call, which needs no slot among others.
            return Place {
                parent: Arc::clone(self),
                generation,
                base: self.id,
                slot: 0,
                id: self.id,
                held: false,
            };
        }
        let base = CallId::of(self.id, name, marker, 0);
        let slot = lock(&self.state).slots.entry(base).or_default().take();
        let id = if slot == 0 { base } else { CallId::of(self.id, name, marker, slot) };
        Place { parent: Arc::clone(self), generation, base, slot, id, held: true }
    }

    /// Ends the current attempt and begins the next one, which `record` says: occurrences start again. `None` if the call
    /// has ended.
    pub(crate) fn next_attempt(&self, attempt: u32, record: impl FnOnce() -> u64) -> Option<u64> {
        let mut over = Over::default();
        let above = self.above()?;
        let mut state = lock(&self.state);
        if state.ended {
            return None;
        }
        self.close_children(&mut state, &mut over);
        self.attempt.store(attempt, Ordering::Relaxed);
        let begin = record();
        state.begin = begin;
        drop((state, above));
        over.tell();
        Some(begin)
    }

    /// Ends the call, once, and has `record` say how; `None` if it has ended, or its parent has. What is still open below
    /// is cancelled, and recorded as such, before it is.
    pub(crate) fn end<R>(&self, record: impl FnOnce() -> R) -> Option<R> {
        let mut over = Over::default();
        let mut above = self.above()?;
        if !self.close(&mut over) {
            return None;
        }
        if let Some(above) = &mut above {
            above.open.remove(&self.id);
        }
        let recorded = record();
        drop(above);
        over.tell();
        Some(recorded)
    }

    pub(crate) fn cancel(&self) {
        self.end(|| self.record_cancelled());
    }

    /// The parent's state, locked, while it wants this call. Locks are taken from above to below.
    #[expect(clippy::option_option, reason = "there may be no parent, and it may not want this call")]
    fn above(&self) -> Option<Option<MutexGuard<'_, State>>> {
        match &self.parent {
            Some(parent) => parent.if_current(self.born).map(Some),
            None => Some(None),
        }
    }

    fn record_cancelled(&self) {
        if !self.is_root() {
            self.run.push_cancelled(self.id, self.attempt(), self.told.load(Ordering::Acquire));
        }
    }

    /// Whether it was open.
    fn close(&self, over: &mut Over) -> bool {
        let mut state = lock(&self.state);
        let open = !std::mem::replace(&mut state.ended, true);
        if open {
            self.close_children(&mut state, over);
        }
        open
    }

    fn close_children(&self, state: &mut State, over: &mut Over) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        state.slots.clear();
        over.tasks.append(&mut state.tasks);
        let open = std::mem::take(&mut state.open);
        let children: Vec<_> = open.into_values().filter_map(|child| child.upgrade()).collect();
        for child in &children {
            if child.close(over) {
                child.record_cancelled();
            }
        }
        over.wakers.extend(self.run.foreign.take(self.id));
    }

    /// Ties a spawned task to this call: it is aborted when the attempt ends.
    pub(crate) fn adopt(&self, task: AbortHandle) {
        let mut state = lock(&self.state);
        if state.ended {
            return task.abort();
        }
        if state.tasks.len() == state.tasks.capacity() {
            state.tasks.retain(|task| !task.is_finished());
        }
        state.tasks.push(task);
    }

    pub(crate) fn note_rest(&self, what: CallId, rest: Rest) {
        lock(&self.state).rests.push((what, rest));
    }

    pub(crate) fn forget_rest(&self, what: CallId) {
        lock(&self.state).rests.retain(|(known, _)| *known != what);
    }

    /// What this call waits for, if all that is open of it waits.
    pub(crate) fn rest(&self) -> Option<Rest> {
        let state = lock(&self.state);
        let own = state.rests.iter().find(|(what, _)| *what == self.id);
        if let Some((_, rest)) = own {
            return Some(*rest);
        }
        if self.timed || state.tasks.iter().any(|task| !task.is_finished()) {
            return None;
        }
        let leaves = state.rests.iter().map(|(_, rest)| *rest).reduce(Rest::and);
        let children = state.open.values().filter_map(Weak::upgrade);
        // Locks are taken from above to below.
        children.map(|child| child.rest()).try_fold(leaves, |all, rest| {
            let rest = rest?;
            Some(Some(all.map_or(rest, |all| all.and(rest))))
        })?
    }

    /// Fails the current attempt for something that a synchronous function of its body did.
    pub(crate) fn poison(&self, error: Error) {
        lock(&self.state).poison.get_or_insert(error);
    }

    pub(crate) fn take_poison(&self) -> Option<Error> {
        lock(&self.state).poison.take()
    }
}
