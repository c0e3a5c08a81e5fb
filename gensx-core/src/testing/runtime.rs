//! A runtime whose time is virtual, whose components can be replaced, and whose process can end.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Calls, Held, Inputs, StandsFor, VirtualClock, Which,
    doubles::{body, body_of_one},
    script::Script,
    sink::{Life, TestSink},
    which::Name,
};
use crate::{
    BoxError, Call, Error, EventSink, Limits, MemorySink, OutsideRuns, Result, RunId, Runtime,
    RuntimeBuilder, clock::Clock as _, run::lock,
};

/// Real time for which nothing must happen before virtual time passes, by default.
const GRACE: Duration = Duration::from_millis(5);

type Configure = Arc<dyn Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync>;

/// A [`Runtime`] for tests; every method of it is here as well.
///
/// - Its time is [virtual](VirtualClock): backoffs, `sleep`, timeouts and deadlines take no real time.
/// - Callers always get decoded copies of outputs and errors, as after a crash.
/// - Components can be [replaced](Self::replace) and made to [fail](Self::fail).
/// - It [remembers](Self::calls) what happened to which call.
/// - Its process can [end and start again](Self::restart).
///
/// Cached outputs expire by real time; they are gone after a restart.
pub struct TestRuntime {
    world: World,
    life: Arc<Life>,
    runtime: Runtime,
}

/// What outlives a process of a test.
#[derive(Clone)]
struct World {
    store: Arc<dyn EventSink>,
    clock: VirtualClock,
    script: Arc<Script>,
    configure: Configure,
}

/// A test runtime's options.
#[must_use = "a builder makes nothing before `build`"]
pub struct TestRuntimeBuilder {
    store: Arc<dyn EventSink>,
    grace: Duration,
    configure: Configure,
}

impl Default for TestRuntimeBuilder {
    fn default() -> Self {
        let configure: Configure = Arc::new(|builder| builder);
        Self { store: Arc::new(MemorySink::new()), grace: GRACE, configure }
    }
}

impl TestRuntimeBuilder {
    /// Where streams live. Default: a [`MemorySink`].
    pub fn sink(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.store = sink;
        self
    }

    /// How long nothing must happen before virtual time passes, in real time. Default: 5 ms. Raise it for bodies that wait for
    /// something real: see [`VirtualClock`].
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets options of the runtime itself, at its start and at each restart. Its sink and its clock stay the test's.
    pub fn configure(
        mut self,
        configure: impl Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Arc::new(configure);
        self
    }

    /// The runtime.
    #[must_use]
    pub fn build(self) -> TestRuntime {
        self.build_until(None)
    }

    /// The runtime of a process that dies when its runs have appended `events` events.
    pub(super) fn build_until(self, events: Option<u64>) -> TestRuntime {
        let Self { store, grace, configure } = self;
        let (clock, script) = (VirtualClock::new(grace), Arc::default());
        TestRuntime::in_world(World { store, clock, script, configure }, events)
    }
}

impl World {
    /// A process that begins with what is in the store, and dies after `events` events.
    fn process(&self, events: Option<u64>) -> (Arc<Life>, Runtime) {
        let life = Life::new(events);
        let limits = Limits::default();
        let defaults = Runtime::builder()
            .limits(Limits { recorded_input_bytes: limits.event_bytes, ..limits })
            .outside_runs(OutsideRuns::Allow);
        let sink =
            TestSink { store: Arc::clone(&self.store), clock: self.clock.clone(), life: Arc::clone(&life) };
        let mut builder = (self.configure)(defaults)
            .sink(sink)
            .clock(Arc::new(self.clock.clone()))
            .decoded_copies(true)
            .probe(self.script.probe());
        if events.is_some() {
            // A batch is durable as a whole: only alone can each event be a process's last one.
            builder.limits_mut().batch_events = 1;
        }
        (life, builder.build())
    }
}

impl Default for TestRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl TestRuntime {
    /// A runtime over a sink in memory.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins a runtime with its options.
    pub fn builder() -> TestRuntimeBuilder {
        TestRuntimeBuilder::default()
    }

    fn in_world(world: World, events: Option<u64>) -> Self {
        let (life, runtime) = world.process(events);
        Self { world, life, runtime }
    }

    /// Puts `double` in the place of the body of a component that takes one argument. Identity, retries, timeout, fallback and
    /// recording stay the component's. A later double of the same component wins.
    ///
    /// The double is given the recorded input: `String` for a `&str`, `Vec<T>` for a `&[T]`. It runs inside the
    /// call, so it may emit events and call components. Write the type of its argument.
    ///
    /// # Panics
    /// If `function` is not a component's function itself but a closure or a pointer.
    pub fn replace<F, I, O, J, D, Fut>(&self, _function: F, double: D) -> &Self
    where
        F: Fn(I) -> Call<'static, O>,
        J: StandsFor<I> + DeserializeOwned,
        D: Fn(J) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
        O: Serialize + 'static,
    {
        lock(&self.world.script.doubles).replace(Name::of_function::<F>(), body_of_one(double));
        self
    }

    /// As [`replace`](Self::replace), for methods and functions of several arguments: the double is given all recorded
    /// [`Inputs`]. An output that does not decode as the component's fails the call, permanently.
    ///
    /// # Panics
    /// If a function is given that is a closure or a pointer.
    pub fn replace_named<M, D, Fut, O>(&self, component: impl Which<M>, double: D) -> &Self
    where
        D: Fn(Inputs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
        O: Serialize + 'static,
    {
        lock(&self.world.script.doubles).replace(component.name(), body(double));
        self
    }

    /// Makes the component's next attempts, of any call, fail with these errors, one each. Then its body runs, or its
    /// double. An attempt that a crash interrupts fails in the same way when it begins again.
    ///
    /// # Panics
    /// If a function is given that is a closure or a pointer.
    pub fn fail<M, E>(&self, component: impl Which<M>, errors: impl IntoIterator<Item = E>) -> &Self
    where
        E: Into<BoxError> + 'static,
    {
        let errors = errors.into_iter().map(Error::from_user).collect();
        lock(&self.world.script.doubles).fail(component.name(), errors);
        self
    }

    /// The components whose doubles no call has met, mostly for a misspelt name.
    #[must_use]
    pub fn unused_doubles(&self) -> Vec<String> {
        lock(&self.world.script.doubles).unused()
    }

    /// What has happened to calls, in this process and in those before its restarts.
    #[must_use]
    pub fn calls(&self) -> Calls {
        lock(&self.world.script.recorder).calls()
    }

    /// Forgets what has happened to calls.
    pub fn clear_calls(&self) {
        lock(&self.world.script.recorder).clear();
    }

    /// How many attempts of a component were made: see [`Calls::executions`].
    #[must_use]
    pub fn executions<M>(&self, component: impl Which<M>) -> usize {
        self.calls().executions(component)
    }

    /// Sends a message to a run that waits, or will wait, for `input(name, ..)`.
    ///
    /// # Errors
    /// As [`Runtime::send`].
    pub async fn send<T: Serialize>(&self, run: &RunId, name: &str, value: T) -> Result<()> {
        self.runtime.send(run, name, &value, None).await
    }

    /// The virtual time that has passed since the test began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.world.clock.elapsed()
    }

    /// Keeps virtual time from passing until the guard is dropped: while the test itself does something that runs wait
    /// for.
    #[must_use = "time is held for as long as the guard lives"]
    pub fn hold(&self) -> Held {
        self.world.clock.hold()
    }

    /// Ends the process as a crash does, and starts it again over the same sink: resume its runs. What runs were
    /// doing is dropped, and nothing of that reaches the sink. Doubles, scripted failures and the record of calls stay.
    ///
    /// Tasks that a component started with `tokio::spawn` are not known here, and go on.
    pub async fn restart(&mut self) {
        self.end().await;
        *self = self.next_process();
    }

    /// Another process in the same world.
    pub(super) fn next_process(&self) -> Self {
        lock(&self.world.script.doubles).begin_process();
        Self::in_world(self.world.clone(), None)
    }

    pub(super) fn store(&self) -> &Arc<dyn EventSink> {
        &self.world.store
    }

    pub(super) async fn died(&self) {
        self.life.died().await;
    }

    /// Drops what runs do, as the end of a process does.
    pub(super) async fn end(&self) {
        self.life.die();
        let let_go = async { self.life.let_go() };
        // Runs are told to stop first: then no component hears that the sink is gone.
        futures_util::future::join(self.runtime.drain(), let_go).await;
    }
}

impl Deref for TestRuntime {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.runtime
    }
}

impl fmt::Debug for TestRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRuntime").field("clock", &self.world.clock).finish_non_exhaustive()
    }
}

impl fmt::Debug for TestRuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRuntimeBuilder").field("grace", &self.grace).finish_non_exhaustive()
    }
}
