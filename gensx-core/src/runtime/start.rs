//! Executing a run in this process: its task, its first events, its last one.

use std::sync::{Arc, LazyLock};

use futures_util::FutureExt as _;
use serde::{Serialize, de::DeserializeOwned};
use tracing::Instrument as _;

use super::{Config, Ended, IfExists, Local, Run, Runtime, handle, orphans};
use crate::{
    Call, CallId, Component, Error, ErrorKind, EventId, Result, RunId, RunStatus,
    clock::BoxFuture,
    component::{Spec, SpecRef, to_json},
    error::ErrorRecord,
    event::{ErrorBody, Event, EventKind, Json},
    run::{RunCore, Stop, ledger::Ledger, let_go, lock, node::Node, outbox::Outbox, scope, task::RunFuture},
    sink::{Append, BatchKind, Opening},
};

/// What stands above every run's first call.
static ABOVE: LazyLock<Spec> = LazyLock::new(|| Spec::named("run".into(), ""));

/// A run's first call, built and not started.
pub(super) struct Prepared {
    pub(super) workflow: String,
    pub(super) version: u32,
    /// Whether its input must be supplied again at a resume.
    pub(super) incomplete: bool,
    /// The node above it.
    top: Arc<Node>,
    pub(super) body: BoxFuture<Result<Json>>,
}

/// Builds a run's first call inside `core`.
pub(super) fn prepare<W, I>(core: &Arc<RunCore>, origin: &RunId, workflow: &W, input: I) -> Prepared
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
{
    let node = Node::run(Arc::clone(core), CallId::root(origin), SpecRef::Static(&ABOVE));
    let call: Call<'static, W::Output> = scope::enter(&node, || workflow.call(input));
    let spec = call.spec().cloned();
    let incomplete = call.is_incomplete();
    let limit = core.config.limits.event_bytes;
    let body = Box::pin(scope::within(Arc::clone(&node), async move {
        let output = call.await?;
        let json = to_json(&output)?;
        if json.get().len() > limit {
            return Err(Error::of(
                ErrorKind::Limit,
                format!("the output has {} bytes, the limit is {limit}", json.get().len()),
            ));
        }
        Ok(json)
    }));
    let (workflow, version) = spec.map(|spec| (spec.name.to_string(), spec.version)).unwrap_or_default();
    Prepared { workflow, version, incomplete, top: node, body }
}

pub(super) async fn start<W, I>(
    runtime: &Runtime,
    workflow: &W,
    id: RunId,
    input: I,
) -> Result<Run<W::Output>>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize,
{
    runtime.listen().await?;
    let config = runtime.config();
    let recorded = recorded_input(config, &input)?;
    let now = config.sink.now_ms().await?;
    let outbox = Outbox::new(id.clone(), Arc::clone(config), EventId::new(1, 2));
    let core = Arc::new(RunCore::new(id.clone(), Arc::clone(config), outbox, Ledger::default(), now));
    let prepared = prepare(&core, &id, workflow, input);
    let first = EventKind::RunStarted {
        workflow: prepared.workflow.clone(),
        version: prepared.version,
        input: (!prepared.incomplete).then_some(recorded),
        plan: to_json(&workflow.stage().plan()).ok(),
        origin: id.clone(),
        retry_of: None,
        carries: 0,
        keep_ms: config.keep_ms,
        queued: None,
    };
    let opening = Opening { keep_ms: config.keep_ms, ..prepared.workflow.as_str().into() };
    let payload = Event::new(crate::clock::unix_ms(), None, 0, first).encode();
    let kind = BatchKind::Opens(opening);
    match core.outbox.begin(kind, vec![payload]).await? {
        Append::Done | Append::Duplicate => {
            let local = execute(runtime, core, prepared);
            Ok(Run::new(runtime.clone(), id, Some(local)))
        }
        _ if config.if_exists == IfExists::Attach => runtime.attach(&id).await,
        _ => {
            let text = format!("run `{id}` exists: attach to it, or start under another id");
            Err(Error::of(ErrorKind::Exists, text))
        }
    }
}

fn recorded_input<I: Serialize>(config: &Config, input: &I) -> Result<Json> {
    let invalid = |reason: String| Error::of(ErrorKind::InvalidInput, reason);
    let json = to_json(input)
        .map_err(|error| invalid("the input cannot be recorded as JSON".to_owned()).with_source(error))?;
    let (size, limit) = (json.get().len(), config.limits.event_bytes);
    if size > limit {
        return Err(Error::of(
            ErrorKind::Limit,
            format!("the input has {size} bytes, the limit of an event is {limit}"),
        ));
    }
    Ok(json)
}

/// Spawns the run's task.
#[expect(clippy::disallowed_methods, reason = "this is where runs are spawned")]
pub(super) fn execute(runtime: &Runtime, core: Arc<RunCore>, prepared: Prepared) -> Arc<Local> {
    let id = core.id.clone();
    let local = Local::new(Arc::clone(&core));
    lock(&runtime.0.runs).insert(id.clone(), Arc::downgrade(&local));
    let span = tracing::info_span!("run", run = %id, workflow = %prepared.workflow);
    let future = RunFuture::new(Arc::clone(&core), prepared.top, prepared.body).instrument(span);
    let task = Task { local: Arc::clone(&local), runtime: runtime.clone() };
    let executing = orphans::Executing::begin(core.config.outside);
    let task = tokio::spawn(async move {
        // A panic outside a body, in a predicate or a destructor, is caught here: the run has a last event.
        let caught = std::panic::AssertUnwindSafe(future).catch_unwind().await;
        let outcome = caught.unwrap_or_else(|_| Err(Stop::Broken(panicked())));
        // In a box of its own: the task of a run that waits holds no room for its end.
        let ended = Box::pin(finish(&core, outcome)).await;
        task.end(ended);
        drop(executing);
    });
    local.runs_in(task.abort_handle());
    local
}

/// A run's task, as those see it who wait for the run's end. When its executor is shut down, or its sink panics, the run ends
/// here all the same.
struct Task {
    local: Arc<Local>,
    runtime: Runtime,
}

impl Task {
    /// Forgotten first: who hears of the end can resume the run.
    fn end(&self, ended: Ended) {
        self.runtime.forget(&self.local);
        self.local.end(ended);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.end(Ended::LetGo(let_go(&self.local.core.id)));
    }
}

fn panicked() -> Error {
    let text = "code of the application panicked outside a component's body: in a predicate, a fallback, a serializer or a destructor";
    Error::of(ErrorKind::Panic, text).with_fate(crate::Fate::Permanent)
}

/// Writes the last event, unless the run was let go; gives what callers are told, once that is durable.
pub(super) async fn finish(core: &Arc<RunCore>, result: Result<Result<Json>, Stop>) -> Ended {
    let (status, output, error) = match result {
        Ok(Ok(json)) => (RunStatus::Succeeded, Some(json), None),
        Ok(Err(error)) => (RunStatus::Failed, None, Some(error)),
        Err(Stop::Broken(error)) => (RunStatus::Failed, None, Some(error)),
        Err(Stop::Cancelled) => (RunStatus::Cancelled, None, None),
        Err(Stop::LetGo(error)) => return Ended::LetGo(error),
        Err(Stop::Parked(rest)) => return Ended::Parked(rest),
    };
    let body = error.as_ref().map(|error| ErrorBody(ErrorRecord::of(error, None, |text| core.mask(text))));
    let last = core.push(None, 0, EventKind::RunEnded { status, output: output.clone(), error: body });
    if let Err(stop) = core.outbox.commit(last).await {
        return match stop {
            Stop::LetGo(error) | Stop::Broken(error) => Ended::LetGo(error),
            // A run that ends does not wait.
            Stop::Cancelled | Stop::Parked(_) => Ended::Error(handle::cancelled(&core.id)),
        };
    }
    match (output, error) {
        (Some(json), _) => Ended::Output(json),
        (None, Some(error)) => Ended::Error(error),
        (None, None) => Ended::Error(handle::cancelled(&core.id)),
    }
}

/// What a caller is told who waited for what was stopped.
pub(super) fn error_of(stop: Stop, id: &RunId) -> Error {
    match stop {
        Stop::LetGo(error) | Stop::Broken(error) => error,
        Stop::Cancelled | Stop::Parked(_) => handle::cancelled(id),
    }
}

impl Runtime {
    /// Forgets a run that this process no longer executes, unless another handle stands for it by now.
    pub(crate) fn forget(&self, local: &Arc<Local>) {
        let mut runs = lock(&self.0.runs);
        if runs.get(&local.core.id).is_some_and(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(local))) {
            runs.remove(&local.core.id);
        }
    }
}
