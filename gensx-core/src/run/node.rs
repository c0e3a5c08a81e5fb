//! A running call: where its children take their identities, and what ends with it.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::task::AbortHandle;

use super::{RunCore, lock};
use crate::{
    CallId, Error,
    component::SpecRef,
    event::{EventKind, Outcome},
    identity::{Fingerprint, Marker, Slots},
};

/// What is kept by call.
pub(crate) type ByCall<T> = HashMap<CallId, T, BuildHasherDefault<CallIdHasher>>;

/// A call that has started and not ended.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) run: Arc<RunCore>,
    pub(crate) id: CallId,
    pub(crate) spec: SpecRef,
    fingerprint: Fingerprint,
    parent: Option<Arc<Node>>,
    /// Whether outcomes below are kept in memory, because this call or one above may begin another attempt.
    pub(crate) keep: bool,
    /// Counts attempts and the end: a child built under another number belongs to the past.
    generation: AtomicU32,
    attempt: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    /// Where the current attempt begins in the stream: failures of children before it are run again.
    begin: u64,
    slots: ByCall<Slots>,
    open: ByCall<Weak<Node>>,
    tasks: Vec<AbortHandle>,
    poison: Option<Error>,
}

impl Node {
    /// The node above a run's first call. Users never see it.
    pub(crate) fn run(run: Arc<RunCore>, id: CallId, spec: SpecRef) -> Arc<Self> {
        Arc::new(Self::bare(run, id, spec, Fingerprint::NONE, None, false))
    }

    fn bare(
        run: Arc<RunCore>,
        id: CallId,
        spec: SpecRef,
        fingerprint: Fingerprint,
        parent: Option<Arc<Self>>,
        keep: bool,
    ) -> Self {
        let (generation, attempt) = (AtomicU32::new(0), AtomicU32::new(1));
        Self { run, id, spec, fingerprint, parent, keep, generation, attempt, state: Mutex::default() }
    }

    /// Starts the call that stands at `place`.
    pub(crate) fn start(
        place: &Place,
        spec: SpecRef,
        fingerprint: Fingerprint,
        attempt: u32,
        retries: bool,
    ) -> Arc<Self> {
        let parent = &place.parent;
        let node = Self::bare(
            Arc::clone(&parent.run),
            place.id,
            spec,
            fingerprint,
            Some(Arc::clone(parent)),
            parent.keep || retries,
        );
        node.attempt.store(attempt, Ordering::Relaxed);
        let node = Arc::new(node);
        lock(&parent.state).open.insert(place.id, Arc::downgrade(&node));
        node
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

    pub(crate) fn set_begin(&self, seq: u64) {
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

    /// Ends the current attempt and begins the next one: occurrences start again.
    pub(crate) fn next_attempt(&self, attempt: u32) {
        self.close_children();
        self.attempt.store(attempt, Ordering::Relaxed);
    }

    /// Ends the call, once. What is still open below is cancelled, and recorded as such, before it is.
    pub(crate) fn end(&self) -> bool {
        let first = !std::mem::replace(&mut lock(&self.state).ended, true);
        if first {
            self.close_children();
            if let Some(parent) = &self.parent {
                lock(&parent.state).open.remove(&self.id);
            }
        }
        first
    }

    pub(crate) fn cancel(&self) {
        if self.end() && !self.is_root() {
            self.run.push(Some(self.id), self.attempt(), EventKind::Ended { outcome: Outcome::Cancelled });
        }
    }

    fn close_children(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let (open, tasks) = {
            let mut state = lock(&self.state);
            state.slots.clear();
            (std::mem::take(&mut state.open), std::mem::take(&mut state.tasks))
        };
        tasks.iter().for_each(AbortHandle::abort);
        let children: Vec<_> = open.into_values().filter_map(|child| child.upgrade()).collect();
        children.iter().for_each(|child| child.cancel());
        if !children.is_empty() {
            self.run.wake_foreign();
        }
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

    /// Fails the current attempt for something that a synchronous function of its body did.
    pub(crate) fn poison(&self, error: Error) {
        lock(&self.state).poison.get_or_insert(error);
    }

    pub(crate) fn take_poison(&self) -> Option<Error> {
        lock(&self.state).poison.take()
    }
}

/// A child's place under its parent, from when it is built until it has an outcome or is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) parent: Arc<Node>,
    pub(crate) id: CallId,
    generation: u32,
    base: CallId,
    slot: u32,
    held: bool,
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
        Link { parent: Arc::clone(&self.parent), generation: self.generation, id: self.id }
    }

    /// Whether a sibling built before has the same name and inputs, or key.
    pub(crate) fn is_repeated(&self) -> bool {
        self.slot > 0
    }

    /// Keeps the place for good: the call has an outcome.
    pub(crate) fn keep(&mut self) {
        self.held = false;
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
    pub(crate) id: CallId,
    generation: u32,
}

impl Link {
    pub(crate) fn is_current(&self) -> bool {
        self.parent.generation.load(Ordering::Acquire) == self.generation
    }
}

/// A call's id is a hash already.
#[derive(Debug, Default)]
pub(crate) struct CallIdHasher(u64);

impl Hasher for CallIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut word = [0; 8];
        let size = bytes.len().min(8);
        word[..size].copy_from_slice(&bytes[..size]);
        self.0 ^= u64::from_le_bytes(word);
    }
}
