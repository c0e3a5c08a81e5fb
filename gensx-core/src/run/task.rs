//! A run's own future: it polls the user's code, lets recorded outcomes through in their order, and drops
//! everything when the run is stopped.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::{
    RunCore, Stop,
    gate::{PATIENCE_TURNS, Step},
    let_go,
};
use crate::{Result, clock::BoxFuture, event::Json};

/// Times the user's code is polled in a row before the thread is given to others.
const MAX_POLLS: u32 = 64;

/// Ends with the run's output or error, or with what stopped it.
pub(crate) struct RunFuture {
    core: Arc<RunCore>,
    body: Option<BoxFuture<Result<Json>>>,
    waker: Arc<RunWaker>,
    task: Waker,
    /// How often in a row the thread was given to others while the user's code had more to do.
    busy: u32,
    /// Whether it is polled now; still so when it is dropped, if the user's code panicked.
    polled: bool,
}

/// Notes whether the user's code was woken while it was polled: then it has more to do.
struct RunWaker {
    core: Arc<RunCore>,
    woken: AtomicBool,
}

impl Wake for RunWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.core.wake();
    }
}

impl RunFuture {
    pub(crate) fn new(core: Arc<RunCore>, body: BoxFuture<Result<Json>>) -> Self {
        let waker = Arc::new(RunWaker { core: Arc::clone(&core), woken: AtomicBool::new(false) });
        let task = Waker::from(Arc::clone(&waker));
        core.outbox.belong_to(Arc::downgrade(&core));
        Self { core, body: Some(body), waker, task, busy: 0, polled: false }
    }

    fn stopped(&mut self) -> Option<Stop> {
        let stop = self.core.stopped()?.clone();
        // The user's code goes first: nothing of it sees why.
        self.body = None;
        Some(stop)
    }

    /// Does what there is to do.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Result<Json>, Stop>> {
        for _ in 0..MAX_POLLS {
            if let Some(stop) = self.stopped() {
                return Poll::Ready(Err(stop));
            }
            self.waker.woken.store(false, Ordering::Release);
            let Some(body) = self.body.as_mut() else { return Poll::Pending };
            if let Poll::Ready(result) = body.as_mut().poll(&mut Context::from_waker(&self.task)) {
                self.body = None;
                return Poll::Ready(self.stopped().map_or(Ok(result), Err));
            }
            if self.waker.woken.load(Ordering::Acquire) {
                continue;
            }
            self.busy = 0;
            match self.core.step() {
                Step::Through => {}
                Step::Yield => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Idle if self.core.stopped().is_some() => {}
                Step::Idle => return Poll::Pending,
            }
        }
        self.busy = self.busy.saturating_add(1);
        if self.busy > PATIENCE_TURNS {
            // Code that wakes itself whenever it is polled never rests: who waits for a turn must not wait for that.
            self.core.step();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Dropped before its end, with the executor that polls it, the run is let go of before its code is dropped: its open calls
/// are not cancelled, and go on where it is resumed.
impl Drop for RunFuture {
    fn drop(&mut self) {
        if self.body.is_some() && !self.polled {
            self.core.stop(Stop::LetGo(let_go(&self.core.id)));
            self.body = None;
        }
    }
}

impl Future for RunFuture {
    type Output = Result<Result<Json>, Stop>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.core.register(cx.waker());
        self.core.config.clock.active();
        self.polled = true;
        let polled = self.turn(cx);
        self.polled = false;
        self.core.config.clock.rests();
        polled
    }
}
