//! A run's own future: it polls the user's code, lets recorded outcomes through in their order, and drops
//! everything when the run is stopped.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use super::{
    RunCore, Stop,
    gate::{PATIENCE_TURNS, Step},
    let_go,
    node::Node,
    rest::Rest,
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
    /// The node above the run's first call.
    top: Arc<Node>,
    /// What the run has only waited for, until this ends: then it is parked.
    patience: Option<(Rest, BoxFuture<()>)>,
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
    pub(crate) fn new(core: Arc<RunCore>, top: Arc<Node>, body: BoxFuture<Result<Json>>) -> Self {
        let waker = Arc::new(RunWaker { core: Arc::clone(&core), woken: AtomicBool::new(false) });
        let task = Waker::from(Arc::clone(&waker));
        core.outbox.belong_to(Arc::downgrade(&core));
        Self { core, body: Some(body), waker, task, busy: 0, polled: false, top, patience: None }
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
                Step::Idle if self.is_to_be_parked(cx) => {}
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

impl RunFuture {
    /// Stops a run that has only waited for some time, and will for more. What it has pushed is durable then.
    fn is_to_be_parked(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((rest, after)) = self.long_rest() else {
            self.patience = None;
            return false;
        };
        if self.patience.as_ref().is_none_or(|(before, _)| *before != rest) {
            self.patience = Some((rest, self.core.config.clock.sleep(after)));
        }
        if self.is_patient(cx) {
            return false;
        }
        if self.core.outbox.is_settled() {
            self.core.stop(Stop::Parked(rest));
            return true;
        }
        // Nobody wakes the run when it is: it is looked at again.
        self.patience = Some((rest, self.core.config.clock.sleep(after)));
        !self.is_patient(cx)
    }

    /// What the run only waits for, if that is long; and what long is.
    fn long_rest(&self) -> Option<(Rest, Duration)> {
        let after = self.core.config.park_after?;
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let soon_ms = self.core.store_now_ms().saturating_add(after_ms);
        let rest = self.top.rest().filter(|rest| !rest.ends_before(soon_ms))?;
        Some((rest, after))
    }

    /// Whether there is time left; then the run is woken when it is over.
    fn is_patient(&mut self, cx: &mut Context<'_>) -> bool {
        self.patience.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_pending())
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
