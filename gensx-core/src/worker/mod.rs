//! Who executes a fleet's runs.
//!
//! | file | what it does |
//! |---|---|
//! | `builder.rs` | options |
//! | `phase.rs` | where a worker is in its life, from its first claim to its last release |
//! | `asks.rs` | claims what there is room for, and waits |
//! | `shift.rs` | one run, from its grant to its release |
//! | `keeper.rs` | renews leases, and stops what has none any more; on the library's own thread |
//! | `herald.rs` | says that the worker lives; there, too |
//! | `healer.rs` | queues again what the queue has lost; there, too |
//!
//! What is decided is decided in [`lease`](crate::lease).

mod asks;
mod builder;
mod healer;
mod herald;
mod keeper;
mod phase;
mod shift;
#[cfg(feature = "signal")]
mod signal;

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use tokio::task::JoinSet;

pub use builder::WorkerBuilder;
#[cfg(feature = "signal")]
pub use signal::shutdown_signal;

use self::{
    keeper::Keeper,
    phase::{Life, Phase},
};
use crate::{
    Backend, Error, ErrorKind, Result, Runtime, clock,
    queue::{self, Wanted, WorkerId},
};

/// How long a drain waits for a claim that is under way: what it was given would come back only with its lease.
const CLAIM_BOUND: Duration = Duration::from_secs(2);
/// How long a drain waits, after its deadline, for runs to be let go of and released.
const RELEASE_BOUND: Duration = Duration::from_secs(3);
/// How long it waits, after that, for the word that the worker leaves. With the default deadline, the three are less than the
/// 30 s after which Kubernetes kills.
const LEAVE_BOUND: Duration = Duration::from_secs(1);

/// Executes runs that clients start: it claims them from the queue, under leases that it renews, and lets go of them.
/// Cheap to clone; the clones are one.
///
/// ```
/// # use gensx_core as gensx;
/// use gensx::{Backend, Component, Result, Worker};
///
/// # async fn example(digest: impl Component<String, Output = String>, backend: Backend) -> Result<()> {
/// let worker = Worker::builder(backend).register(&digest).concurrency(32).deployment("2026-11-25").build()?;
/// worker.run_until(async { /* a signal, or `gensx::shutdown_signal()` */ }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

struct Inner {
    backend: Backend,
    runtime: Runtime,
    identity: queue::Worker,
    wanted: Vec<Wanted>,
    options: Options,
    keeper: Arc<Keeper>,
    life: Life,
}

#[derive(Clone, Debug)]
struct Options {
    concurrency: usize,
    lease: Duration,
    max_claims: u32,
    drain_deadline: Duration,
    heal_every: Option<Duration>,
}

impl Worker {
    /// Begins a worker of a fleet, with its options.
    pub fn builder(backend: Backend) -> WorkerBuilder {
        WorkerBuilder::new(backend)
    }

    /// The name of this worker in leases and claims, fresh for each that is built.
    #[must_use]
    pub fn id(&self) -> &WorkerId {
        &self.0.identity.id
    }

    /// The deployment that it belongs to.
    #[must_use]
    pub fn deployment(&self) -> &str {
        &self.0.identity.deployment
    }

    /// Works until `signal` is there, and then [drains](Self::drain), within the worker's own deadline. Returns when every
    /// run has ended or was given back. A failing queue or sink does not end it: it goes on when they do.
    ///
    /// Runs are executed in the tokio runtime that this is called in. It works once: build another worker to work again.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it works already, or has worked.
    ///
    /// # Cancel safety
    /// Dropped, the worker is as good as dead: its runs are stopped where they are and not given back, and others have them
    /// when their leases run out. To stop it, give it a signal, or call `drain`.
    pub async fn run_until(&self, signal: impl Future<Output = ()>) -> Result<()> {
        let inner = &self.0;
        if !inner.life.begin() {
            let text = format!(
                "worker `{}` works already, or has worked: build another one to work again",
                inner.identity.id
            );
            return Err(Error::of(ErrorKind::Config, text));
        }
        let _dies = Dies(inner);
        let left = herald::begin(inner).await;
        inner.keeper.begin(inner.life.watch());
        healer::begin(inner);
        let mut shifts = JoinSet::new();
        inner.claim_until(signal, &mut shifts).await;
        inner.finish(&mut shifts).await;
        inner.life.become_(Phase::Left);
        let _ = select(left, pin!(clock::sleep(LEAVE_BOUND))).await;
        Ok(())
    }

    /// Has the worker stop: it claims nothing more from now on, runs that end before the deadline end here, and the others are let
    /// go of and given back, for other workers to resume at once. Leases are renewed all the while. Returns when
    /// [`run_until`](Self::run_until) is about to. Of several deadlines the earliest counts.
    ///
    /// Cancel safe: dropped, the worker drains all the same.
    pub async fn drain(&self, deadline: Duration) {
        self.0.life.drain_by(clock::now() + deadline);
        self.0.life.reaches(Phase::Left).await;
    }
}

impl Inner {
    async fn claim_until(self: &Arc<Self>, signal: impl Future<Output = ()>, shifts: &mut JoinSet<()>) {
        let claiming = pin!(asks::claim_and_start(self, shifts));
        let Either::Left(((), claiming)) = select(pin!(signal), claiming).await else { return };
        self.life.drain_by(clock::now() + self.options.drain_deadline);
        let _ = select(claiming, pin!(clock::sleep(CLAIM_BOUND))).await;
    }

    /// Lets runs end until the deadline, and lets go of the others.
    async fn finish(self: &Arc<Self>, shifts: &mut JoinSet<()>) {
        let all_end = async { while shifts.join_next().await.is_some() {} };
        let _ = select(pin!(all_end), pin!(self.life.deadline())).await;
        self.life.become_(Phase::Over);
        self.runtime.let_go();
        let all_end = async { while shifts.join_next().await.is_some() {} };
        let _ = select(pin!(all_end), pin!(clock::sleep(RELEASE_BOUND))).await;
    }
}

/// Ends a worker whose future is dropped as a crash would.
struct Dies<'a>(&'a Arc<Inner>);

impl Drop for Dies<'_> {
    fn drop(&mut self) {
        if !self.0.life.has_left() {
            self.0.life.become_(Phase::Dead);
            self.0.runtime.let_go();
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("id", &self.0.identity.id)
            .field("deployment", &self.0.identity.deployment)
            .field("backend", &self.0.backend)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
