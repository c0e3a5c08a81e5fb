//! Who waits for what.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gensx_core::RunId;
use tokio::sync::watch;

use crate::changes::Changes;

#[derive(Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
    /// For the follower: somebody waits, or the sink is dropped.
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// The position of the last event known, for each run that somebody waits for.
    runs: HashMap<RunId, watch::Sender<u64>>,
    /// The newest message known.
    messages: watch::Sender<u64>,
    /// The queue's cursor as far as it is known.
    queue: watch::Sender<u64>,
    closed: bool,
}

impl State {
    fn is_waited_for(&self) -> bool {
        !self.runs.is_empty() || self.messages.receiver_count() > 0 || self.queue.receiver_count() > 0
    }
}

/// Raises what is known; what is older than that is no news.
fn raise(known: &watch::Sender<u64>, to: u64) {
    known.send_if_modified(|value| {
        let news = to > *value;
        *value = to.max(*value);
        news
    });
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("runs", &self.state().runs.len()).finish_non_exhaustive()
    }
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the guard is dropped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait for a run's events.
    pub(crate) fn watch(self: &Arc<Self>, run: &RunId) -> RunWatch {
        let mut state = self.state();
        let known = match state.runs.get(run) {
            Some(sender) => sender.subscribe(),
            None => state.runs.entry(run.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe(),
        };
        self.wake.notify_one();
        RunWatch { hub: Arc::clone(self), run: run.clone(), known: Some(known) }
    }

    /// Begins to wait for messages. Those that wait count while they hold the receiver.
    pub(crate) fn watch_messages(&self) -> watch::Receiver<u64> {
        let receiver = self.state().messages.subscribe();
        self.wake.notify_one();
        receiver
    }

    /// Begins to wait for runs to become ready, as [`watch_messages`](Self::watch_messages) does.
    pub(crate) fn watch_queue(&self) -> watch::Receiver<u64> {
        let receiver = self.state().queue.subscribe();
        self.wake.notify_one();
        receiver
    }

    /// Whether somebody waits for runs to become ready.
    pub(crate) fn queue_is_watched(&self) -> bool {
        self.state().queue.receiver_count() > 0
    }

    /// Tells those who wait what was committed.
    pub(crate) fn tell(&self, changes: &Changes) {
        let mut state = self.state();
        if !state.is_waited_for() {
            return;
        }
        for (run, seq) in &changes.grown {
            if let Some(known) = state.runs.get(run) {
                raise(known, *seq);
            }
        }
        for run in &changes.gone {
            // With the sender gone, the waits end.
            state.runs.remove(run);
        }
        if let Some(message) = changes.message {
            raise(&state.messages, message);
        }
        if let Some(cursor) = changes.queue {
            raise(&state.queue, cursor);
        }
    }

    /// Ends every wait: whoever waited looks for himself, and learns what is wrong.
    pub(crate) fn tell_doubt(&self) {
        let mut state = self.state();
        state.runs.clear();
        state.messages.send_modify(|_| {});
        state.queue.send_modify(|_| {});
    }

    /// The runs that somebody waits for.
    pub(crate) fn watched(&self) -> Vec<RunId> {
        self.state().runs.keys().cloned().collect()
    }

    /// Holds up the follower until somebody waits. `false`: the sink is dropped.
    pub(crate) fn sleep(&self) -> bool {
        let idle = |state: &mut State| !state.closed && !state.is_waited_for();
        let state = self.wake.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    /// Holds up the follower for a while. `None`: the sink is dropped; otherwise, whether somebody waits.
    pub(crate) fn pause(&self, interval: Duration) -> Option<bool> {
        let paused = self.wake.wait_timeout_while(self.state(), interval, |state| !state.closed);
        let (state, _) = paused.unwrap_or_else(PoisonError::into_inner);
        (!state.closed).then(|| state.is_waited_for())
    }

    /// Ends the follower.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_all();
    }
}

/// A wait for one run. Dropped, it is forgotten.
pub(crate) struct RunWatch {
    hub: Arc<Hub>,
    run: RunId,
    /// Taken when it is dropped, so that it no longer counts.
    known: Option<watch::Receiver<u64>>,
}

impl RunWatch {
    /// Waits until an event after `after` is known, or the run is gone.
    pub(crate) async fn past(&mut self, after: u64) {
        if let Some(known) = &mut self.known {
            // An error means that the sender is gone, and with it the run.
            let _ = known.wait_for(|seq| *seq > after).await;
        }
    }
}

impl Drop for RunWatch {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        self.known = None;
        if state.runs.get(&self.run).is_some_and(|known| known.receiver_count() == 0) {
            state.runs.remove(&self.run);
        }
    }
}
