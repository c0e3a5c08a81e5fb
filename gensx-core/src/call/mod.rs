//! A call of a component: built where it takes its place in the run, configured, then awaited.

mod attempt;
mod drive;
mod leaf;
mod outside;
mod probe;
mod replay;
mod settle;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::FutureExt as _;
pub(crate) use leaf::{Leaf, Next};
pub(crate) use probe::{Function, Probe, Seen};

use crate::{
    BoxError, Error, Result, RetryPolicy,
    component::{ErrorCodec, InputRecord, KeyChange, OutputCodec, Recorded, Return, ReturnCodec, SpecRef},
    event::Json,
    identity::Marker,
    run::{
        cancelled,
        node::{Link, Node, Place},
        scope,
    },
};

type CallFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
pub(crate) type BodyFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;
type Body<'a, T> = Box<dyn FnMut() -> BodyFuture<'a, T> + Send + 'a>;
type Fallback<'a, T> = Box<dyn FnMut(Error) -> T + Send + 'a>;
type Predicate<'a, T> = Box<dyn Fn(&T) -> bool + Send + 'a>;

/// A failure of a component's body, and its own error where that can be written down.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) data: Option<Json>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, data: None }
    }
}

/// A call of a component: a future, which can be given options before it is awaited.
///
/// It takes its place in the run when it is built, so joins, spawns and the order of completion never
/// change what it is. Inside a run its outcome is recorded, or was; outside it is an async function with
/// its retries, timeout and fallback.
///
/// Cancel safe: dropping it cancels the call and gives its place back. What had been recorded stays.
///
/// ```
/// # use gensx_core::{Call, Result, RetryPolicy};
/// # async fn example(research: impl Fn(&str) -> Call<'static, Vec<String>>) -> Result<()> {
/// let findings = research("tides")
///     .label("Tides")
///     .retry(RetryPolicy::new(3))
///     .ensure(|found| !found.is_empty())
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// One [`Error`], which says how the component failed, where, and after how many attempts.
#[must_use = "a call does nothing unless it is awaited"]
pub struct Call<'a, T> {
    state: State<'a, T>,
    link: Option<Link>,
}

enum State<'a, T> {
    Built(Box<Built<'a, T>>),
    Running(CallFuture<'a, T>),
    Over(&'static str),
}

pub(crate) struct Built<'a, T> {
    pub(crate) spec: SpecRef,
    pub(crate) function: Function,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Option<Duration>,
    /// Whether it was built outside any run where that is not allowed.
    pub(crate) refused: bool,
    pub(crate) label: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) on_change: KeyChange,
    pub(crate) place: Option<Place>,
    /// The recorded outcome that this call was built for.
    pub(crate) awaited: Option<Awaited>,
    pub(crate) inputs: Option<Box<InputRecord>>,
    pub(crate) output: OutputCodec<T>,
    pub(crate) decode_error: Option<fn(&serde_json::value::RawValue) -> Option<BoxError>>,
    pub(crate) body: Body<'a, T>,
    pub(crate) fallback: Option<Fallback<'a, T>>,
    pub(crate) ensure: Vec<Predicate<'a, T>>,
}

/// Tells the gate that a call for this position was built, until it is polled or dropped.
pub(crate) struct Awaited {
    node: Arc<Node>,
    pub(crate) position: u64,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.node.run.gate.came_forward(self.position);
    }
}

/// Builds the call of a component's function. `#[component]` writes this.
pub fn call<'a, R, F, Fut>(
    spec: &'static crate::component::Spec,
    inputs: Recorded,
    ReturnCodec { output, error: to_error }: ReturnCodec<R::Output, R::Error>,
    errors: ErrorCodec<R::Error>,
    mut body: F,
) -> Call<'a, R::Output>
where
    R: Return,
    R::Output: 'a,
    R::Error: 'static,
    F: FnMut() -> Fut + Send + 'a,
    Fut: Future<Output = R> + Send + 'a,
{
    let encode = errors.0.as_ref().map(|form| form.encode);
    let body: Body<'a, R::Output> = Box::new(move || {
        // Mapped, not awaited: an async block would hold the future twice, as captured and as awaited.
        Box::pin(body().map(move |returned| {
            returned.into_result().map_err(|error| {
                let data = encode.and_then(|encode| encode(&error));
                Failure { error: to_error(error), data }
            })
        }))
    });
    let (decode, data) = errors.0.map(|form| (form.decode, form.find)).unzip();
    Call::build_in(Function::around::<F>(data), SpecRef::Static(spec), inputs, output, decode, body)
}

impl<'a, T> Call<'a, T> {
    pub(crate) fn build(
        spec: SpecRef,
        inputs: Recorded,
        output: OutputCodec<T>,
        decode_error: Option<fn(&serde_json::value::RawValue) -> Option<BoxError>>,
        body: Body<'a, T>,
    ) -> Self
    where
        T: 'a,
    {
        Self::build_in(Function::NONE, spec, inputs, output, decode_error, body)
    }

    fn build_in(
        function: Function,
        spec: SpecRef,
        inputs: Recorded,
        output: OutputCodec<T>,
        decode_error: Option<fn(&serde_json::value::RawValue) -> Option<BoxError>>,
        body: Body<'a, T>,
    ) -> Self
    where
        T: 'a,
    {
        let refused = inputs.0.is_none() && crate::runtime::orphans::note(&spec);
        let (retry, timeout) = (spec.retry, spec.timeout);
        let mut built = Built {
            spec,
            function,
            retry,
            timeout,
            refused,
            label: None,
            key: None,
            on_change: KeyChange::default(),
            place: None,
            awaited: None,
            inputs: inputs.0,
            output,
            decode_error,
            body,
            fallback: None,
            ensure: Vec::new(),
        };
        built.take_place();
        built.ask_probe();
        let link = built.place.as_ref().map(Place::link);
        Self { state: State::Built(Box::new(built)), link }
    }

    fn built(mut self, change: impl FnOnce(&mut Built<'a, T>)) -> Self {
        if let State::Built(built) = &mut self.state {
            change(built);
        }
        self
    }

    /// A name for this call in logs, plans and pages. It is not part of its identity.
    pub fn label(self, label: impl Into<String>) -> Self {
        self.built(|built| built.label = Some(label.into()))
    }

    /// Takes `key` instead of the inputs as what tells this call from others of the component under the same parent. The same key
    /// twice under one parent is an error ([`ErrorKind::Key`](crate::ErrorKind::Key)).
    pub fn key(mut self, key: impl Into<String>) -> Self {
        if let State::Built(built) = &mut self.state {
            built.key = Some(key.into());
            built.take_place();
            self.link = built.place.as_ref().map(Place::link);
        }
        self
    }

    /// What becomes of a recorded outcome under the same key when the inputs have changed; it runs again by default.
    pub fn on_change(self, policy: KeyChange) -> Self {
        self.built(|built| built.on_change = policy)
    }

    /// Another retry policy for this call.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.built(|built| built.retry = policy)
    }

    /// Another timeout for each attempt of this call.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.built(|built| built.timeout = Some(timeout))
    }

    /// Makes an output for which `predicate` is false a failure of the call itself
    /// ([`ErrorKind::Rejected`](crate::ErrorKind::Rejected)), so that it is retried here. A cached output that is refused is
    /// computed anew.
    pub fn ensure(self, predicate: impl Fn(&T) -> bool + Send + 'a) -> Self {
        self.built(|built| built.ensure.push(Box::new(predicate)))
    }

    /// The answer when every attempt has failed. The stream says that it was given; it is never cached.
    pub fn fallback(self, answer: impl FnMut(Error) -> T + Send + 'a) -> Self {
        self.built(|built| built.fallback = Some(Box::new(answer)))
    }

    /// As [`label`](Self::label), for a call that has none of its own.
    pub(crate) fn default_label(self, label: &str) -> Self {
        self.built(|built| {
            built.label.get_or_insert_with(|| label.to_owned());
        })
    }

    pub(crate) fn spec(&self) -> Option<&SpecRef> {
        match &self.state {
            State::Built(built) => Some(&built.spec),
            _ => None,
        }
    }

    /// Whether an input was left out of the record.
    pub(crate) fn is_incomplete(&self) -> bool {
        matches!(&self.state, State::Built(built) if built.inputs.as_ref().is_some_and(|inputs| inputs.incomplete))
    }
}

/// Dropped before it was polled.
impl<T> Drop for Built<'_, T> {
    fn drop(&mut self) {
        self.place.iter().for_each(Place::abandon);
    }
}

impl<'a, T: 'a> Built<'a, T> {
    /// In a test's run, the body is asked for first: another may stand in for it.
    fn ask_probe(&mut self) {
        let config = self.place.as_ref().map(|place| &place.parent.run.config);
        let Some(probe) = config.and_then(|config| config.probe.clone()) else { return };
        let own = std::mem::replace(&mut self.body, Box::new(|| Box::pin(std::future::pending())));
        let inputs = self.inputs.as_ref().and_then(|inputs| inputs.json.clone());
        self.body = probe::asking(probe, self.function, inputs, self.output, own);
    }
}

impl<T> Built<'_, T> {
    fn take_place(&mut self) {
        self.awaited = None;
        self.place = None;
        let (Some(inputs), Some(parent)) = (&self.inputs, scope::current()) else { return };
        let marker = match &self.key {
            Some(key) => Marker::Key(key),
            None => Marker::Inputs(inputs.fingerprint),
        };
        let place = parent.place(&self.spec.name, &marker);
        if parent.run.gate.is_active() {
            let known =
                parent.run.ledger().record(place.id).and_then(|record| record.done.as_ref()?.position.into());
            self.awaited = known.map(|position| {
                parent.run.gate.built(position);
                Awaited { node: Arc::clone(&parent), position }
            });
        }
        self.place = Some(place);
    }
}

impl<'a, T: Send + 'a> Future for Call<'a, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        if let Some(link) = &mut this.link
            && let Some(answer) = gone(link, cx)
        {
            return answer.map(|()| {
                let name = this.name();
                this.state = State::Over("cancelled");
                Err(cancelled(&name))
            });
        }
        if let State::Built(_) = this.state
            && let State::Built(built) = std::mem::replace(&mut this.state, State::Over("starting"))
        {
            this.state = State::Running(drive::drive(built));
        }
        let State::Running(future) = &mut this.state else { return Poll::Pending };
        let result = std::task::ready!(future.as_mut().poll(cx));
        (this.state, this.link) = (State::Over("done"), None);
        Poll::Ready(result)
    }
}

/// Whether the call has nothing to live for: its parent has ended, or the run is stopped. Inside the run's own future a
/// stopped run's calls wait to be dropped; a task of the application's own hears that the call is cancelled.
fn gone(link: &mut Link, cx: &Context<'_>) -> Option<Poll<()>> {
    let run = &link.parent.run;
    let stopped = run.stopped().is_some();
    let inside = scope::with(|node| Arc::ptr_eq(&node.run, run)).unwrap_or(false);
    if stopped && inside {
        return Some(Poll::Pending);
    }
    if !inside {
        // First, so that an end that comes between the two is heard.
        link.note_foreign(cx.waker());
    }
    (stopped || !link.is_current()).then_some(Poll::Ready(()))
}

impl<T> Call<'_, T> {
    fn name(&self) -> String {
        match &self.state {
            State::Built(built) => built.spec.name.clone().into_owned(),
            _ => "a component".to_owned(),
        }
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Built(_) => "built",
            State::Running(_) => "running",
            State::Over(how) => how,
        };
        f.debug_struct("Call").field("state", &state).finish()
    }
}
