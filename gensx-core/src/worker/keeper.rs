//! Keeps leases: renews them all, and stops the runs of those that are lost. On the library's own thread, which no component
//! can block.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{Either, join_all, select};
use tokio::sync::{Notify, watch};

use super::phase::{Phase, reaches};
use crate::{
    Error, ErrorKind, RunQueue, clock, io,
    lease::{Beat, beat},
    queue::{Grant, Lease, MAX_RENEW, Renewal, Renewed, millis},
    run::{Stop, lock},
    runtime::Local,
};

/// A lease is renewed so many times before it would run out.
const RENEWALS_PER_LEASE: u32 = 3;
/// It is looked so many times in a lease for what has run out; between these two bounds.
const LOOKS_PER_LEASE: u32 = 30;
const LOOK_MIN: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(250);

/// The leases that a worker has.
#[derive(Debug)]
pub(super) struct Keeper {
    queue: Arc<dyn RunQueue>,
    lease: Duration,
    cancel_grace: Duration,
    held: Mutex<HashMap<u64, Arc<Held>>>,
    /// Told when there is one again.
    first: Notify,
}

/// A lease that is held, as far as this worker knows.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    /// Whether the run's stream exists.
    opened: AtomicBool,
    /// How often the run was woken: for whoever parks it.
    wakes: AtomicU64,
    /// Which claim of the run this is, of those that made no progress.
    claims: u32,
    /// Whether the queue was told that this one did.
    told_progress: AtomicBool,
    /// When the last question was sent that was answered.
    answered: Mutex<Instant>,
    local: OnceLock<Arc<Local>>,
    /// When it was first seen that the run was cancelled.
    cancelled: OnceLock<Instant>,
    ended_for_it: AtomicBool,
    lost: AtomicBool,
    told: Notify,
}

/// Keeps a lease for as long as it lives.
pub(super) struct Hold {
    keeper: Arc<Keeper>,
    pub(super) held: Arc<Held>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.keeper.held).remove(&self.held.lease.number);
    }
}

impl Held {
    pub(super) fn open(&self) {
        self.opened.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_opened(&self) -> bool {
        self.opened.load(Ordering::Relaxed)
    }

    /// How often the run was woken, as far as this worker knows: to be taken before the inbox is looked into.
    pub(super) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    /// Names the run's execution. It is stopped if the lease was lost already.
    pub(super) fn executes(&self, local: &Arc<Local>) {
        // Set once: a grant is executed once.
        let _ = self.local.set(Arc::clone(local));
        if self.lost.load(Ordering::Acquire) {
            local.core.stop(self.stop());
        }
    }

    fn has_progressed(&self) -> bool {
        self.local.get().is_some_and(|local| local.core.outbox.has_progressed())
    }

    /// Whether there is progress that keeps the run from being given up, and that the queue does not know of.
    fn has_news(&self) -> bool {
        self.claims > 1 && !self.told_progress.load(Ordering::Relaxed) && self.has_progressed()
    }

    fn renewal(&self) -> Renewal {
        let progressed = self.claims > 1 && self.has_progressed();
        Renewal { lease: self.lease.clone(), opened: self.is_opened(), progressed }
    }

    /// Waits until the lease is lost.
    pub(super) async fn lost(&self) {
        loop {
            let told = self.told.notified();
            let mut told = pin!(told);
            told.as_mut().enable();
            if self.lost.load(Ordering::Acquire) {
                return;
            }
            told.await;
        }
    }

    fn lose(&self) {
        if self.lost.swap(true, Ordering::AcqRel) {
            return;
        }
        tracing::warn!(run = %self.lease.run, worker = %self.lease.worker, "the run's lease is lost: it is stopped here");
        if let Some(local) = self.local.get() {
            local.core.stop(self.stop());
        }
        self.told.notify_waiters();
    }

    fn stop(&self) -> Stop {
        let text = format!("run `{}` was stopped here: its lease is lost", self.lease.run);
        Stop::LetGo(Error::of(ErrorKind::Fenced, text))
    }

    /// Takes in the answer to a question that was sent at `sent`, or that there was none.
    fn hear(&self, answer: Option<Renewed>, sent: Instant, lease: Duration) {
        let since = {
            let mut answered = lock(&self.answered);
            if matches!(answer, Some(Renewed::Kept { .. })) {
                *answered = (*answered).max(sent);
            }
            clock::now().saturating_duration_since(*answered)
        };
        let since_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        match beat(answer, self.wakes.load(Ordering::Relaxed), since_ms, millis(lease)) {
            Beat::GoOn { wakes } => self.wakes.store(wakes, Ordering::Relaxed),
            Beat::Stop => self.lose(),
        }
    }

    /// Ends a cancelled run whose task does not get there by itself.
    fn end_if_stuck(&self, grace: Duration) {
        let Some(local) = self.local.get() else { return };
        if !matches!(local.core.stopped(), Some(Stop::Cancelled)) {
            return;
        }
        let now = clock::now();
        let since = self.cancelled.get_or_init(|| now);
        if now.saturating_duration_since(*since) >= grace && !self.ended_for_it.swap(true, Ordering::AcqRel) {
            let local = Arc::clone(local);
            io::spawn(async move { local.end_cancelled().await });
        }
    }
}

impl Keeper {
    pub(super) fn new(queue: Arc<dyn RunQueue>, lease: Duration, cancel_grace: Duration) -> Arc<Self> {
        let first = Notify::new();
        Arc::new(Self { queue, lease, cancel_grace, held: Mutex::default(), first })
    }

    /// Keeps the lease of a grant, by a claim that was sent at `sent`.
    pub(super) fn hold(self: &Arc<Self>, grant: &Grant, sent: Instant) -> Hold {
        let held = Arc::new(Held {
            lease: grant.lease.clone(),
            opened: AtomicBool::new(grant.first.is_none()),
            wakes: AtomicU64::new(grant.wakes),
            claims: grant.claims,
            told_progress: AtomicBool::new(false),
            answered: Mutex::new(sent),
            local: OnceLock::new(),
            cancelled: OnceLock::new(),
            ended_for_it: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            told: Notify::new(),
        });
        lock(&self.held).insert(grant.lease.number, Arc::clone(&held));
        self.first.notify_waiters();
        Hold { keeper: Arc::clone(self), held }
    }

    /// Begins to keep leases, until the worker has left.
    pub(super) fn begin(self: &Arc<Self>, phases: watch::Receiver<Phase>) {
        let until_left = |work: crate::clock::BoxFuture<()>, phases: watch::Receiver<Phase>| async move {
            let _ = select(work, pin!(reaches(phases, Phase::Left))).await;
        };
        let (renewing, looking, telling) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        io::spawn(until_left(Box::pin(async move { renewing.renew_all().await }), phases.clone()));
        io::spawn(until_left(Box::pin(async move { telling.tell().await }), phases.clone()));
        io::spawn(until_left(Box::pin(async move { looking.look().await }), phases));
    }

    fn all(&self) -> Vec<Arc<Held>> {
        lock(&self.held).values().cloned().collect()
    }

    async fn until_some(&self) {
        loop {
            let first = self.first.notified();
            let mut first = pin!(first);
            first.as_mut().enable();
            if !lock(&self.held).is_empty() {
                return;
            }
            first.await;
        }
    }

    async fn renew_all(&self) {
        let period = self.lease / RENEWALS_PER_LEASE;
        loop {
            self.until_some().await;
            clock::sleep(period).await;
            let all = self.all();
            join_all(all.chunks(MAX_RENEW).map(|part| self.renew(part, period))).await;
        }
    }

    async fn renew(&self, part: &[Arc<Held>], at_most: Duration) {
        let renewals: Vec<_> = part.iter().map(|held| held.renewal()).collect();
        let sent = clock::now();
        let time = pin!(clock::sleep(at_most));
        let answers = match select(self.queue.renew(&renewals, self.lease), time).await {
            Either::Left((Ok(answers), _)) => answers.into_iter().map(Some).collect(),
            Either::Left((Err(error), _)) => {
                tracing::warn!(leases = part.len(), error = %error, "leases cannot be renewed, it is tried again");
                Vec::new()
            }
            Either::Right(_) => {
                tracing::warn!(
                    leases = part.len(),
                    "leases are not renewed in time: the queue does not answer"
                );
                Vec::new()
            }
        };
        let answers = answers.into_iter().chain(std::iter::repeat(None));
        for ((held, renewal), answer) in part.iter().zip(renewals).zip(answers) {
            if renewal.progressed && answer.is_some() {
                held.told_progress.store(true, Ordering::Relaxed);
            }
            held.hear(answer, sent, self.lease);
        }
    }

    /// Tells at once of the progress of runs that others had before: the next crash may come before the next renewal.
    async fn tell(&self) {
        loop {
            self.until_some().await;
            clock::sleep(self.look_interval()).await;
            let news: Vec<_> = self.all().into_iter().filter(|held| held.has_news()).collect();
            for part in news.chunks(MAX_RENEW) {
                self.renew(part, self.lease / RENEWALS_PER_LEASE).await;
            }
        }
    }

    fn look_interval(&self) -> Duration {
        (self.lease / LOOKS_PER_LEASE).clamp(LOOK_MIN, LOOK_MAX)
    }

    /// Stops what has had no answer for as long as its lease lasts, by this machine's monotonic clock.
    async fn look(&self) {
        loop {
            self.until_some().await;
            clock::sleep(self.look_interval()).await;
            for held in self.all() {
                held.hear(None, clock::now(), self.lease);
                held.end_if_stuck(self.cancel_grace);
            }
        }
    }
}
