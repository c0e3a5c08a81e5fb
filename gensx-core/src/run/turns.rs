//! The order in which callers get the outcomes of this life: the stream's, as a replay will have it. Several outcomes
//! can become durable in one append; whichever of their calls is polled first, the caller sees the one that was
//! recorded first, so that a `select!` or a `try_join!` takes the branch that it will take after a crash.
//!
//! A caller may keep a call and not poll it. Then those behind it are let through as soon as the run's future has
//! nothing else to do, or, where other tasks poll calls too, after they had their chance.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

use super::{
    RunCore,
    gate::{PATIENCE_TURNS, Step},
    lock,
};

/// Outcomes that are recorded and not given to their callers.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
    /// Of these, those that are polled and wait for their turn.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// By position, lowest first. Those that others were let past are not in it any more.
    line: VecDeque<Recorded>,
    patience: u32,
}

#[derive(Debug)]
struct Recorded {
    position: u64,
    waker: Option<Waker>,
}

/// One outcome's place in the line. Dropped, it makes way.
#[derive(Debug)]
pub(crate) struct Turn {
    run: Arc<RunCore>,
    position: u64,
}

impl Turns {
    /// Whether somebody waits for a turn.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Lets the first who waits past those who do not; called when the run's future has nothing else to do. With
    /// `others`, other tasks poll calls of the run as well, and may be about to.
    pub(crate) fn step(&self, others: bool) -> Step {
        let mut state = lock(&self.state);
        let Some(at) = state.line.iter().position(|recorded| recorded.waker.is_some()) else {
            return Step::Idle;
        };
        if others && state.patience < PATIENCE_TURNS {
            state.patience += 1;
            return Step::Yield;
        }
        state.line.drain(..at);
        let first = self.called(&mut state);
        drop(state);
        first.iter().for_each(Waker::wake_by_ref);
        Step::Through
    }

    fn enter(&self, position: u64) {
        let mut state = lock(&self.state);
        let after = state.line.iter().rposition(|other| other.position < position);
        state.line.insert(after.map_or(0, |at| at + 1), Recorded { position, waker: None });
    }

    fn leave(&self, position: u64) {
        let mut state = lock(&self.state);
        let left = state.find(position).and_then(|at| state.line.remove(at));
        if left.as_ref().is_some_and(|left| left.waker.is_some()) {
            self.waiting.fetch_sub(1, Ordering::Release);
        }
        let first = self.called(&mut state);
        drop(state);
        first.iter().for_each(Waker::wake_by_ref);
    }

    /// Whether it is this one's turn; otherwise `waker` is woken when it is.
    fn poll(&self, position: u64, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        let Some(at @ 1..) = state.find(position) else { return true };
        let before = state.line[at].waker.replace(waker.clone());
        if before.is_none() {
            self.waiting.fetch_add(1, Ordering::Release);
        }
        // A waker can own the task that it wakes: it is dropped, as it is woken, when nothing is locked.
        drop(state);
        drop(before);
        false
    }

    /// The waker of the first in line, if it waits. It is to be woken when nothing is locked.
    fn called(&self, state: &mut State) -> Option<Waker> {
        state.patience = 0;
        let waker = state.line.front_mut()?.waker.take()?;
        self.waiting.fetch_sub(1, Ordering::Release);
        Some(waker)
    }
}

impl State {
    fn find(&self, position: u64) -> Option<usize> {
        self.line.binary_search_by_key(&position, |recorded| recorded.position).ok()
    }
}

impl Turn {
    /// Takes a place for the outcome that was recorded at `position`.
    pub(crate) fn take(run: &Arc<RunCore>, position: u64) -> Self {
        run.turns.enter(position);
        Self { run: Arc::clone(run), position }
    }

    /// Whether no outcome that was recorded before is still to be given.
    pub(crate) fn is_next(&self) -> bool {
        lock(&self.run.turns.state).line.front().is_none_or(|first| first.position >= self.position)
    }

    /// Waits until those recorded before were given to their callers, or are not asked for.
    pub(crate) async fn wait(self) {
        let mut waited = false;
        poll_fn(|cx| {
            if self.run.turns.poll(self.position, cx.waker()) {
                return Poll::Ready(());
            }
            if !waited {
                waited = true;
                // The run's future must look here again, also when this call is polled by another task.
                self.run.wake();
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.run.turns.leave(self.position);
    }
}
