//! Identical calls in flight at once are computed once: the first computes, the others wait and then find it cached.
//!
//! A caller may keep the first call and not poll it any more, while it waits for one of the others. So these watch the
//! first one: if it could go on, and nobody polls it for a while, they no longer wait for it.

use std::{
    collections::HashMap,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard};

use crate::{clock, identity::Fingerprint, run::lock};

/// How long a computation may be ready to go on, and not be polled, before others no longer wait for it. One that is only late
/// is computed twice.
const PATIENCE: Duration = Duration::from_secs(1);

type Seats = Arc<Mutex<HashMap<Fingerprint, Arc<Seat>>>>;

#[derive(Debug, Default)]
pub(crate) struct Flights(Seats);

/// Where one key is computed.
#[derive(Debug, Default)]
struct Seat {
    gate: Arc<AsyncMutex<()>>,
    leader: Mutex<Option<Arc<Watch>>>,
    changed: Notify,
}

impl Flights {
    /// Waits until nobody else computes `key`. The turn ends when it is dropped, however the computation ended; `None` if
    /// whoever has it is not polled.
    pub(crate) async fn enter(&self, key: Fingerprint, watch: &Arc<Watch>) -> Option<Flight> {
        let seat = Arc::clone(lock(&self.0).entry(key).or_default());
        let turn = pin!(Arc::clone(&seat.gate).lock_owned());
        let turn = match select(turn, pin!(seat.stalls())).await {
            Either::Left((turn, _)) => turn,
            Either::Right(_) => return None,
        };
        seat.lead(Some(Arc::clone(watch)));
        Some(Flight { flights: Arc::clone(&self.0), key, seat, turn: Some(turn) })
    }
}

impl Seat {
    fn lead(&self, leader: Option<Arc<Watch>>) {
        *lock(&self.leader) = leader;
        self.changed.notify_waiters();
    }

    /// Ends when whoever computes is not polled.
    async fn stalls(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let leader = lock(&self.leader).clone();
            let Some(leader) = leader else {
                changed.await;
                continue;
            };
            if let Either::Right(_) = select(changed, pin!(leader.stalls())).await {
                return;
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Flight {
    flights: Seats,
    key: Fingerprint,
    seat: Arc<Seat>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.seat.lead(None);
        self.turn = None;
        let mut flights = lock(&self.flights);
        // Two references are the map's and this one's own: nobody waits.
        if flights.get(&self.key).is_some_and(|seat| Arc::strong_count(seat) == 2) {
            flights.remove(&self.key);
        }
    }
}

/// Whether a future goes on when it can.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    woken: AtomicBool,
    polled: AtomicBool,
    polls: AtomicU64,
    news: Notify,
}

impl Watch {
    fn is_due(&self) -> bool {
        self.woken.load(Ordering::Acquire) && !self.polled.load(Ordering::Acquire)
    }

    pub(super) async fn stalls(&self) {
        loop {
            let mut news = pin!(self.news.notified());
            news.as_mut().enable();
            if !self.is_due() {
                news.await;
                continue;
            }
            let polls = self.polls.load(Ordering::Acquire);
            clock::sleep(PATIENCE).await;
            if self.is_due() && self.polls.load(Ordering::Acquire) == polls {
                return;
            }
        }
    }

    /// Polls `future`, which is watched.
    pub(crate) fn watch<F: Future + Unpin>(self: &Arc<Self>, future: F) -> Watched<F> {
        Watched { future, watch: Arc::clone(self) }
    }
}

/// A future that is watched.
pub(crate) struct Watched<F> {
    future: F,
    watch: Arc<Watch>,
}

impl<F: Future + Unpin> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let watch = Arc::clone(&self.watch);
        watch.polled.store(true, Ordering::Release);
        watch.polls.fetch_add(1, Ordering::AcqRel);
        watch.woken.store(false, Ordering::Release);
        let waker = Waker::from(Arc::new(Noting { watch: Arc::clone(&watch), waker: cx.waker().clone() }));
        let polled = Pin::new(&mut self.future).poll(&mut Context::from_waker(&waker));
        watch.polled.store(false, Ordering::Release);
        if watch.woken.load(Ordering::Acquire) {
            watch.news.notify_waiters();
        }
        polled
    }
}

/// Notes that it was woken.
struct Noting {
    watch: Arc<Watch>,
    waker: Waker,
}

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.watch.woken.store(true, Ordering::Release);
        self.watch.news.notify_waiters();
        self.waker.wake_by_ref();
    }
}
