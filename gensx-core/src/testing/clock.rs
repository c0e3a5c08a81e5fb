//! Time that passes when nothing else happens.

use std::{
    collections::{BTreeMap, HashSet},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    clock::{BoxFuture, Clock},
    io,
    run::lock,
};

/// Turns that the test's other tasks get before they count as idle.
const QUIET_TURNS: u32 = 32;
/// Turns that the library's own I/O thread gets before it counts as idle.
const IO_TURNS: u32 = 2;
/// How often a look finds that a due sleeper was not polled yet, before time goes on without it.
const MAX_UNSEEN_LOOKS: u32 = 200;
/// A wait longer than this is taken as one for ever: time never jumps there.
const FOR_EVER: Duration = Duration::from_hours(24 * 365 * 100);

/// A clock for tests: it stands still while runs do something, and jumps to the earliest time that something waits for when
/// they do nothing.
///
/// Nothing is done when no run is being polled, no call of the sink is under way, every other task of the
/// test's tokio runtime had its turn, and it stays so for a short while of real time, the **grace**. So a body that waits
/// for something real (a socket, a file, a thread) for longer than the grace counts as idle: its own timeout may be due next.
/// Put a double in its place, or raise the grace with
/// [`TestRuntimeBuilder::grace`](super::TestRuntimeBuilder::grace).
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    timers: Mutex<Timers>,
    grace: Duration,
    /// Counts what runs and sinks do.
    happened: AtomicU64,
    /// Polls of runs and calls of sinks that are under way.
    busy: AtomicUsize,
    /// Guards that keep time from passing.
    held: AtomicUsize,
}

#[derive(Debug, Default)]
struct Timers {
    now: Duration,
    tickets: u64,
    /// By due time; the ticket tells those with the same apart.
    waiting: BTreeMap<(Duration, u64), Waker>,
    /// Those whose time has come and who have not been polled since.
    due: HashSet<u64>,
    driven: bool,
}

impl VirtualClock {
    /// A clock that waits for `grace` of real time before it jumps.
    pub(super) fn new(grace: Duration) -> Self {
        Self(Arc::new(Shared {
            timers: Mutex::default(),
            grace,
            happened: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
        }))
    }

    /// Keeps time from passing until the guard is dropped.
    #[must_use = "time is held for as long as this lives"]
    pub fn hold(&self) -> Held {
        self.0.held.fetch_add(1, Ordering::AcqRel);
        Held(Arc::clone(&self.0))
    }

    /// Says that something is under way, until the guard is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.active();
        Busy(self.clone())
    }
}

impl Clock for VirtualClock {
    fn elapsed(&self) -> Duration {
        lock(&self.0.timers).now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let mut timers = lock(&self.0.timers);
        timers.tickets += 1;
        let key = (timers.now.saturating_add(duration), timers.tickets);
        timers.waiting.insert(key, Waker::noop().clone());
        if !std::mem::replace(&mut timers.driven, true) {
            spawn_driver(Arc::clone(&self.0));
        }
        self.0.note();
        Box::pin(Sleep { shared: Arc::clone(&self.0), key })
    }

    fn active(&self) {
        self.0.busy.fetch_add(1, Ordering::AcqRel);
        self.0.note();
    }

    fn rests(&self) {
        self.0.note();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Keeps a test's time from passing: see [`TestRuntime::hold`](super::TestRuntime::hold).
#[derive(Debug)]
pub struct Held(Arc<Shared>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.note();
        self.0.held.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Debug)]
pub(super) struct Busy(VirtualClock);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.rests();
    }
}

struct Sleep {
    shared: Arc<Shared>,
    key: (Duration, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.note();
        let mut timers = lock(&self.shared.timers);
        match timers.waiting.get_mut(&self.key) {
            Some(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            None => {
                timers.due.remove(&self.key.1);
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut timers = lock(&self.shared.timers);
        timers.waiting.remove(&self.key);
        timers.due.remove(&self.key.1);
    }
}

impl Shared {
    fn note(&self) {
        self.happened.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether nothing happens, for as long as one look takes.
    async fn is_quiet(&self) -> bool {
        let before = self.happened.load(Ordering::Acquire);
        for _ in 0..QUIET_TURNS {
            tokio::task::yield_now().await;
        }
        for _ in 0..IO_TURNS {
            io_turn().await;
        }
        crate::clock::sleep(self.grace).await;
        let still = self.busy.load(Ordering::Acquire) == 0 && self.held.load(Ordering::Acquire) == 0;
        still && self.happened.load(Ordering::Acquire) == before
    }

    /// Lets time jump to the earliest sleeper, unless one that is due has not been polled.
    fn jump(&self, unseen_looks: &mut u32) {
        let mut timers = lock(&self.timers);
        if !timers.due.is_empty() && *unseen_looks < MAX_UNSEEN_LOOKS {
            *unseen_looks += 1;
            return;
        }
        *unseen_looks = 0;
        let Some((&(due, _), _)) = timers.waiting.first_key_value() else { return };
        if due > FOR_EVER {
            return;
        }
        timers.now = due;
        let later = timers.waiting.split_off(&(due, u64::MAX));
        let woken = std::mem::replace(&mut timers.waiting, later);
        timers.due = woken.keys().map(|(_, ticket)| *ticket).collect();
        drop(timers);
        woken.into_values().for_each(Waker::wake);
    }
}

/// Waits until the tasks of the library's I/O thread had a turn.
async fn io_turn() {
    let (over, turn) = oneshot::channel::<()>();
    io::spawn(async move {
        tokio::task::yield_now().await;
        drop(over);
    });
    // The answer is that the sender is gone.
    let _ = turn.await;
}

/// Starts the task that lets time pass, beside the runs that wait; it ends when nobody sleeps.
#[expect(clippy::disallowed_methods, reason = "a test's time passes in a task that ends with its sleepers")]
fn spawn_driver(shared: Arc<Shared>) {
    let drive = drive(Driven { shared, ended: false });
    match Handle::try_current() {
        Ok(here) => drop(here.spawn(drive)),
        Err(_) => io::spawn(drive),
    }
}

async fn drive(mut driven: Driven) {
    let mut unseen_looks = 0;
    loop {
        driven.ended = lock(&driven.shared.timers).stop_driving_if_idle();
        if driven.ended {
            return;
        }
        if driven.shared.is_quiet().await {
            driven.shared.jump(&mut unseen_looks);
        }
    }
}

impl Timers {
    fn stop_driving_if_idle(&mut self) -> bool {
        self.driven = !self.waiting.is_empty();
        !self.driven
    }
}

/// The driver's task. It may be dropped with its tokio runtime: the next sleeper then starts another.
struct Driven {
    shared: Arc<Shared>,
    ended: bool,
}

impl Drop for Driven {
    fn drop(&mut self) {
        if !self.ended {
            lock(&self.shared.timers).driven = false;
        }
    }
}
