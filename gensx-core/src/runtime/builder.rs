use std::{collections::HashMap, error::Error as StdError, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

use super::{Config, Inner, Limits, OutsideRuns, Runtime, registry::Registry};
use crate::{
    Component,
    cache::{Cache, Desk, Flights, MemoryCache},
    call::Probe,
    clock::{Clock, SystemClock},
    component::Durability,
    error::{Classifiers, Fate},
    queue::millis,
    sink::{EventSink, MemorySink},
};

/// What [`Runtime::start_with_id`] does about an id that exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IfExists {
    /// The handle of the run that is there is given.
    #[default]
    Attach,
    /// The start fails with [`ErrorKind::Exists`](crate::ErrorKind::Exists).
    Fail,
}

/// A runtime's options. What they are by default is said at each.
///
/// ```
/// use gensx_core::{Durability, Fate, Runtime};
///
/// let runtime = Runtime::builder()
///     .durability(Durability::Pipelined)
///     .classify(|error: &std::io::Error| match error.kind() {
///         std::io::ErrorKind::NotFound => Fate::Permanent,
///         _ => Fate::Retry,
///     })
///     .build();
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder makes nothing before `build`"]
pub struct RuntimeBuilder {
    sink: Option<Arc<dyn EventSink>>,
    cache: Option<Arc<dyn Cache>>,
    clock: Option<Arc<dyn Clock>>,
    durability: Durability,
    limits: Limits,
    classifiers: Classifiers,
    secret_key: Option<[u8; 32]>,
    if_exists: IfExists,
    outside: OutsideRuns,
    park_after: Option<Duration>,
    keep_ms: Option<u64>,
    registry: Registry,
    decoded_copies: bool,
    probe: Option<Arc<dyn Probe>>,
    owner: Option<String>,
}

impl RuntimeBuilder {
    /// Where streams live. Default: a [`MemorySink`].
    pub fn sink(self, sink: impl EventSink) -> Self {
        self.shared_sink(Arc::new(sink))
    }

    /// As [`sink`](Self::sink), for a sink that others use too.
    pub fn shared_sink(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Where `cache(..)` keeps outputs. Default: a [`MemoryCache`]. With one that processes share, such as `RedisCache`,
    /// identical calls in flight at once are computed once in all of them.
    pub fn cache(mut self, cache: impl Cache) -> Self {
        self.cache = Some(Arc::new(cache));
        self
    }

    /// The clock of backoffs, timeouts and sleeps. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// When outcomes are given to callers, where a component does not say. Default: [`Durability::Strict`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Bounds of runs. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Says the fate of errors of a type that is not the application's own. The first rule that knows an error in the
    /// chain decides. Default: no rules.
    pub fn classify<E: StdError + 'static>(
        mut self,
        rule: impl Fn(&E) -> Fate + Send + Sync + 'static,
    ) -> Self {
        self.classifiers.add(rule);
        self
    }

    /// The key that secrets are hashed with. It must stay the same for as long as runs are resumed. Default: none, and
    /// calls with secrets fail.
    pub fn secret_key(mut self, key: [u8; 32]) -> Self {
        self.secret_key = Some(key);
        self
    }

    /// What a start under an id that exists does. Default: [`IfExists::Attach`].
    pub fn if_exists(mut self, policy: IfExists) -> Self {
        self.if_exists = policy;
        self
    }

    /// How long the runs that start here are kept after their end, whatever the sink's retention is; a run that retries one is
    /// kept as long as that. Default: as the sink keeps runs, for ever unless it is told otherwise.
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.keep_ms = Some(millis(time));
        self
    }

    /// Lets runs that only wait leave memory after so long. Only for a worker, which brings them back.
    pub(crate) fn park_after(mut self, after: Duration) -> Self {
        self.park_after = Some(after);
        self
    }

    /// What happens when a component is built outside any run while runs are executed. Default: [`OutsideRuns::Warn`].
    pub fn outside_runs(mut self, policy: OutsideRuns) -> Self {
        self.outside = policy;
        self
    }

    /// Makes a workflow known by its name, so that [`Runtime::resume_all`] can resume its runs.
    pub fn register<W, I>(mut self, workflow: &W) -> Self
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        self.registry.register(workflow.stage().name, workflow);
        self
    }

    pub(crate) fn registry(mut self, registry: Registry) -> Self {
        self.registry.extend(registry);
        self
    }

    /// The name of this process in claims. Default: a fresh one.
    pub(crate) fn owner(mut self, owner: String) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Hands callers decoded copies of outputs and errors, as after a crash: for tests.
    pub fn decoded_copies(mut self, decoded: bool) -> Self {
        self.decoded_copies = decoded;
        self
    }

    #[cfg(feature = "testing")]
    pub(crate) fn probe(mut self, probe: Arc<dyn Probe>) -> Self {
        self.probe = Some(probe);
        self
    }

    #[cfg(feature = "testing")]
    pub(crate) fn limits_mut(&mut self) -> &mut Limits {
        &mut self.limits
    }

    /// The runtime.
    #[must_use]
    pub fn build(self) -> Runtime {
        let config = Config {
            sink: self.sink.unwrap_or_else(|| Arc::new(MemorySink::new())),
            cache: Desk::new(self.cache.unwrap_or_else(|| Arc::new(MemoryCache::default()))),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::default())),
            durability: self.durability,
            limits: self.limits,
            classifiers: self.classifiers,
            secret_key: self.secret_key,
            if_exists: self.if_exists,
            outside: self.outside,
            park_after: self.park_after,
            keep_ms: self.keep_ms,
            flights: Flights::default(),
            decoded_copies: self.decoded_copies,
            probe: self.probe,
            owner: self.owner.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
        };
        Runtime(Arc::new(Inner {
            config: Arc::new(config),
            runs: std::sync::Mutex::new(HashMap::new()),
            registry: self.registry,
            arrivals: OnceCell::new(),
        }))
    }
}
