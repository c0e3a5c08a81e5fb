//! Tells requests on the short way that they take long. One tick, on the crate's own thread, serves all of them: a timer
//! for each would wake that thread for each, and a runtime of the application may be blocked, or have its clock paused.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use crate::{clock, thread};

/// What takes longer than this takes long: far more than a request, and little to whoever watches a run.
const LONG: Duration = Duration::from_millis(250);
const TICK: Duration = Duration::from_millis(50);
/// Ticks without an alarm after which there are no more until the next alarm.
const IDLE_TICKS: u32 = 20;

/// The alarms of a sink.
#[derive(Default)]
pub(crate) struct Alarms(Mutex<State>);

#[derive(Default)]
struct State {
    set: HashMap<u64, Set>,
    next: u64,
    ticking: bool,
}

struct Set {
    due: Instant,
    rung: bool,
    waker: Option<Waker>,
}

/// Is ready when what began with it takes long.
pub(crate) struct Alarm<'a> {
    alarms: &'a Alarms,
    number: u64,
}

impl Alarms {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the guard is dropped.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets one. Without a thread none rings.
    pub(crate) fn set(self: &Arc<Self>) -> Alarm<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.set.insert(number, Set { due: clock::now() + LONG, rung: false, waker: None });
        if !state.ticking {
            state.ticking = thread::spawn(Arc::clone(self).tick()).is_ok();
        }
        Alarm { alarms: self, number }
    }

    async fn tick(self: Arc<Self>) {
        let mut idle = 0;
        loop {
            clock::sleep(TICK).await;
            let mut state = self.state();
            state.ring();
            idle = if state.set.is_empty() { idle + 1 } else { 0 };
            if idle == IDLE_TICKS {
                state.ticking = false;
                return;
            }
        }
    }
}

impl State {
    /// Rings those that are due.
    fn ring(&mut self) {
        let now = clock::now();
        for set in self.set.values_mut().filter(|set| !set.rung && set.due <= now) {
            set.rung = true;
            if let Some(waker) = set.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Future for Alarm<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.alarms.state();
        match state.set.get_mut(&self.number) {
            Some(set) if !set.rung => {
                set.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.alarms.state().set.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_is_left_alone_rings_and_one_that_is_dropped_leaves_nothing() {
        let alarms = Arc::new(Alarms::default());
        drop(alarms.set());
        let (first, second) = (alarms.set(), alarms.set());
        assert_eq!(alarms.state().set.len(), 2);
        first.await;
        second.await;
        assert!(alarms.state().set.is_empty() && alarms.state().ticking);
    }
}
