//! The order in which a resumed run hears what is recorded: the stream's. A call that is not recorded starts only
//! when nothing recorded is still to be heard, so that the loser of a `select!` is not started again.
//!
//! Whoever waits here is let through when the run's own future has nothing else to do: then everything that could
//! have been built has been built, and the lowest position among those who wait is the next.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

use super::{RunCore, lock};

/// Turns in which calls that were built, but are polled by other tasks, get to come forward before others go
/// first. A program that was edited may never poll them, so the patience has an end.
pub(super) const PATIENCE_TURNS: u32 = 256;

/// A position in the stream, and a number that tells those at the same position apart.
type Key = (u64, u64);

#[derive(Debug)]
pub(crate) struct Gate {
    /// Whether anything recorded may still be asked for. A run from the beginning never waits here.
    active: AtomicBool,
    /// Recorded outcomes that have not been asked for.
    left: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Calls that were built and not polled, by the position of their outcome.
    built: BTreeMap<u64, usize>,
    hearing: BTreeMap<Key, Arc<Turn>>,
    starting: Vec<Arc<Turn>>,
    patience: u32,
    tickets: u64,
}

#[derive(Debug)]
struct Turn {
    open: AtomicBool,
    waker: Mutex<Waker>,
}

/// What the run's future does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Somebody was let through: poll again.
    Through,
    /// Give other tasks a turn, then ask again.
    Yield,
    /// Nobody waits here.
    Idle,
}

impl Gate {
    pub(crate) fn new(outcomes: usize) -> Self {
        Self {
            active: AtomicBool::new(outcomes > 0),
            left: AtomicUsize::new(outcomes),
            state: Mutex::default(),
        }
    }

    /// Another attempt begins: outcomes of the one before may be asked for.
    pub(crate) fn activate(&self, outcomes: usize) {
        if outcomes > 0 {
            self.left.fetch_add(outcomes, Ordering::Relaxed);
            self.active.store(true, Ordering::Release);
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// A call with a recorded outcome was built.
    pub(crate) fn built(&self, position: u64) {
        *lock(&self.state).built.entry(position).or_default() += 1;
    }

    /// It was polled, or dropped.
    pub(crate) fn came_forward(&self, position: u64) {
        let mut state = lock(&self.state);
        if let Some(count) = state.built.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                state.built.remove(&position);
            }
        }
    }

    /// Waits for the turn of a recorded outcome.
    pub(crate) async fn hear(&self, run: &RunCore, position: u64) {
        let turn = Turn::new();
        let key = self.enter(position, &turn);
        let _leave = Leave { gate: self, key };
        turn.wait(run).await;
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.active.store(false, Ordering::Release);
        }
    }

    /// Waits until nothing recorded is waited for.
    pub(crate) async fn start(&self, run: &RunCore) {
        if self.is_active() {
            let turn = Turn::new();
            lock(&self.state).starting.push(Arc::clone(&turn));
            turn.wait(run).await;
        }
    }

    fn enter(&self, position: u64, turn: &Arc<Turn>) -> Key {
        let mut state = lock(&self.state);
        state.tickets += 1;
        let key = (position, state.tickets);
        state.hearing.insert(key, Arc::clone(turn));
        key
    }

    /// Whether recorded outcomes are waited for.
    pub(crate) fn is_hearing(&self) -> bool {
        !lock(&self.state).hearing.is_empty()
    }

    /// Lets the next one through; called when the run's future has nothing else to do.
    pub(crate) fn step(&self) -> Step {
        let mut state = lock(&self.state);
        let Some(first) = state.hearing.keys().next().copied() else {
            let starting = std::mem::take(&mut state.starting);
            drop(state);
            starting.iter().for_each(|turn| turn.pass());
            return if starting.is_empty() { Step::Idle } else { Step::Through };
        };
        let earlier = state.built.keys().next().is_some_and(|position| *position < first.0);
        if earlier && state.patience < PATIENCE_TURNS {
            state.patience += 1;
            return Step::Yield;
        }
        state.patience = 0;
        let turn = state.hearing.remove(&first);
        drop(state);
        turn.iter().for_each(|turn| turn.pass());
        Step::Through
    }
}

impl Turn {
    fn new() -> Arc<Self> {
        Arc::new(Self { open: AtomicBool::new(false), waker: Mutex::new(Waker::noop().clone()) })
    }

    fn pass(&self) {
        self.open.store(true, Ordering::Release);
        lock(&self.waker).wake_by_ref();
    }

    async fn wait(&self, run: &RunCore) {
        // The run's future must look here again, also when this call is polled by another task.
        run.wake();
        poll_fn(|cx| {
            lock(&self.waker).clone_from(cx.waker());
            if self.open.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

struct Leave<'a> {
    gate: &'a Gate,
    key: Key,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        lock(&self.gate.state).hearing.remove(&self.key);
    }
}
