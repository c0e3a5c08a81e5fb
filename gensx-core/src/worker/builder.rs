use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{Inner, Options, Worker, keeper::Keeper, phase::Life};
use crate::{
    Backend, Component, Error, ErrorKind, Result, Runtime, RuntimeBuilder,
    queue::{self, MovePolicy, Wanted, WorkerId, check_name},
    runtime::registry::Registry,
};

/// Runs that a worker executes at once, unless it is told otherwise.
const DEFAULT_CONCURRENCY: usize = 64;
/// How long a lease lasts that is not renewed.
const DEFAULT_LEASE: Duration = Duration::from_secs(30);
/// The shortest lease: it is renewed three times as often, and a store may be slow.
const MIN_LEASE: Duration = Duration::from_millis(100);
/// Claims of a run that may end with the worker, or with no way to execute it.
const DEFAULT_MAX_CLAIMS: u32 = 5;
/// Kubernetes kills after 30 s: the rest is for what is let go of.
const DEFAULT_DRAIN_DEADLINE: Duration = Duration::from_secs(25);
/// How long a cancelled run may keep its task.
const DEFAULT_CANCEL_GRACE: Duration = Duration::from_millis(500);
/// How long a run waits in memory.
const DEFAULT_PARK_AFTER: Duration = Duration::from_secs(10);
/// How often some worker of a fleet looks for what the queue has lost.
const DEFAULT_HEAL_EVERY: Duration = Duration::from_secs(60);
const DEFAULT_DEPLOYMENT: &str = "default";

/// A worker's options. What they are by default is said at each.
///
/// ```
/// # use gensx_core as gensx;
/// use std::time::Duration;
///
/// use gensx::{Backend, Component, Limits, Result, Runtime, Worker, queue::MovePolicy};
///
/// # fn example(digest: impl Component<String, Output = String>, backend: Backend) -> Result<()> {
/// let worker = Worker::builder(backend)
///     .register(&digest)
///     .concurrency(128)
///     .deployment("green")
///     .policy(MovePolicy::Latest)
///     .lease(Duration::from_secs(10))
///     .runtime(Runtime::builder().limits(Limits { events_per_run: 10_000, ..Default::default() }))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder makes nothing before `build`"]
pub struct WorkerBuilder {
    backend: Backend,
    runtime: RuntimeBuilder,
    registry: Registry,
    deployment: Arc<str>,
    policy: MovePolicy,
    policies: BTreeMap<String, MovePolicy>,
    options: Options,
    cancel_grace: Duration,
    park_after: Duration,
}

impl WorkerBuilder {
    pub(super) fn new(backend: Backend) -> Self {
        Self {
            backend,
            runtime: Runtime::builder(),
            registry: Registry::default(),
            deployment: DEFAULT_DEPLOYMENT.into(),
            policy: MovePolicy::default(),
            policies: BTreeMap::new(),
            options: Options {
                concurrency: DEFAULT_CONCURRENCY,
                lease: DEFAULT_LEASE,
                max_claims: DEFAULT_MAX_CLAIMS,
                drain_deadline: DEFAULT_DRAIN_DEADLINE,
                heal_every: Some(DEFAULT_HEAL_EVERY),
            },
            cancel_grace: DEFAULT_CANCEL_GRACE,
            park_after: DEFAULT_PARK_AFTER,
        }
    }

    /// Makes a workflow one that this worker executes, under its own name: that of the function, or of the [`Workflow`](crate::Workflow).
    pub fn register<W, I>(self, workflow: &W) -> Self
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        let name = workflow.stage().name;
        self.register_as(name, workflow)
    }

    /// As [`register`](Self::register), for one that cannot tell its name: a component with `name = ".."`, a closure.
    pub fn register_as<W, I>(mut self, name: impl Into<String>, workflow: &W) -> Self
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        self.registry.register(name.into(), workflow);
        self
    }

    /// The runs that it executes at once. Default 64.
    pub fn concurrency(mut self, runs: usize) -> Self {
        self.options.concurrency = runs;
        self
    }

    /// The version of the program that it runs. Default `default`.
    pub fn deployment(mut self, name: impl Into<Arc<str>>) -> Self {
        self.deployment = name.into();
        self
    }

    /// Which deployment goes on with runs that have begun. Default [`MovePolicy::Prefer`].
    pub fn policy(mut self, policy: MovePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// As [`policy`](Self::policy), for one workflow.
    pub fn policy_of(mut self, workflow: impl Into<String>, policy: MovePolicy) -> Self {
        self.policies.insert(workflow.into(), policy);
        self
    }

    /// How long others wait before they take over a run of a worker that died. It is renewed every third of that. Default
    /// 30 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.options.lease = lease;
        self
    }

    /// Claims of one run, one after the other, that may end without its end and without an outcome that was recorded: a worker that
    /// dies of it, an input that does not decode. After so many it is ended as failed with [`ErrorKind::GivenUp`], and listed as dead. Default 5.
    pub fn max_claims(mut self, claims: u32) -> Self {
        self.options.max_claims = claims;
        self
    }

    /// How long runs may go on after the signal, before they are given back. Default 25 s, which leaves 5 of the 30 s after
    /// which Kubernetes kills.
    pub fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.options.drain_deadline = deadline;
        self
    }

    /// How long the task of a cancelled run may stay without reaching an await, before the run is ended in its place. Default
    /// 500 ms.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// How long a run that only waits stays in memory: for a sleep, an input, the delay before an attempt, and for longer than
    /// this. It then leaves this worker, and comes back from its stream, here or elsewhere, when it is due or its message
    /// arrives; meanwhile it costs no worker anything. A run whose components do something besides, have a timeout under way,
    /// or tasks of their own, stays. Default 10 s.
    pub fn park_after(mut self, wait: Duration) -> Self {
        self.park_after = wait;
        self
    }

    /// How often it is looked for runs that the queue has lost, in a crash or from its memory, to queue them again. The workers of
    /// a fleet share it: on the average one of them looks in each interval, at 200 unfinished runs; where there are more, it goes
    /// on with them a twentieth of an interval later. `None` leaves it to [`Client::heal`](crate::Client::heal). Default 60 s.
    ///
    /// ```
    /// # use gensx_core as gensx;
    /// use std::time::Duration;
    ///
    /// # fn example(backend: gensx::Backend) {
    /// let soon = gensx::Worker::builder(backend.clone()).heal_every(Duration::from_secs(10));
    /// let never = gensx::Worker::builder(backend).heal_every(None);
    /// # }
    /// ```
    pub fn heal_every(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.options.heal_every = interval.into();
        self
    }

    /// How runs are executed: limits, durability, cache, secrets, classifiers. Its sink is the backend's, whatever it says.
    pub fn runtime(mut self, options: RuntimeBuilder) -> Self {
        self.runtime = options;
        self
    }

    /// The worker.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a workflow, and for names, numbers and durations that no worker can have.
    pub fn build(self) -> Result<Worker> {
        self.check()?;
        let Self {
            backend,
            runtime,
            registry,
            deployment,
            policy,
            policies,
            options,
            cancel_grace,
            park_after,
        } = self;
        let policy_of = |name: &str| policies.get(name).copied().unwrap_or(policy);
        let wanted = registry.names().map(|name| Wanted { workflow: name.into(), policy: policy_of(name) });
        let wanted = wanted.collect();
        let identity = queue::Worker { id: WorkerId::generate(), deployment };
        let runtime = runtime
            .shared_sink(Arc::clone(backend.sink()))
            .registry(registry)
            .owner(identity.id.to_string())
            .park_after(park_after)
            .build();
        let keeper = Keeper::new(Arc::clone(backend.queue()), options.lease, cancel_grace);
        let life = Life::default();
        Ok(Worker(Arc::new(Inner { backend, runtime, identity, wanted, options, keeper, life })))
    }

    fn check(&self) -> Result<()> {
        let config = |text: String| Err(Error::of(ErrorKind::Config, text));
        let queue = self.backend.queue().name();
        for name in self.registry.names().chain([&*self.deployment]) {
            if let Err(error) = check_name(&queue, "a worker's workflow or deployment", name) {
                return config(error.to_string());
            }
        }
        if self.registry.names().next().is_none() {
            return config("a worker without workflows executes nothing: `register` one".to_owned());
        }
        if let Some(unknown) = self.policies.keys().find(|name| self.registry.get(name).is_none()) {
            return config(format!("a policy is given for workflow `{unknown}`, which is not registered"));
        }
        if self.options.concurrency == 0 || self.options.max_claims == 0 {
            return config("a worker's `concurrency` and `max_claims` must be at least 1".to_owned());
        }
        if self.options.heal_every.is_some_and(|interval| interval.is_zero()) {
            return config(
                "a worker that heals all the time does nothing else: give `heal_every` some time, or `None`"
                    .to_owned(),
            );
        }
        if self.options.lease < MIN_LEASE {
            return config(format!(
                "a lease of {:?} is too short: give {MIN_LEASE:?} at least",
                self.options.lease
            ));
        }
        Ok(())
    }
}
