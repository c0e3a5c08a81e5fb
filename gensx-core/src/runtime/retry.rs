//! Retrying a run that ended without its output: a new run, which carries over what had succeeded.
//!
//! What is carried over may be more than a store takes at once. So the new run's first event says how much it is, and a run
//! that has only a part of it, because its process ended meanwhile, is given the rest before anything of it is executed:
//! what it carries over stands in the stream of a run that has ended, in an order that does not change.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Run, Runtime, not_found,
    resume::{input, read},
    start::{error_of, execute, prepare},
    takeover::expect_workflow,
};
use crate::{
    Component, Error, ErrorKind, Event, EventId, EventKind, Result, RunId, RunStatus,
    component::to_json,
    event::{Json, Origin, Outcome, QueuedAs},
    run::{
        RunCore,
        ledger::{Ledger, RunInfo, Start},
        outbox::Outbox,
    },
    sink::{Append, BatchKind, EventSink, Opening},
};

/// The new run's first event, whose outbox begins behind it.
const FIRST: EventId = EventId::new(1, 1);
const SECOND: EventId = EventId::new(1, 2);

/// The run that retries another, as it is to be opened.
pub(crate) struct Successor {
    /// What the first event says.
    pub(crate) info: Box<RunInfo>,
    pub(crate) opening: Opening,
    pub(crate) first: Event,
    /// What follows it.
    carried: Vec<Event>,
}

/// The successor of a run that ended without its output.
pub(crate) async fn successor(
    sink: &Arc<dyn EventSink>,
    id: &RunId,
    plan: Option<Json>,
    queued: impl FnOnce(Option<QueuedAs>) -> Option<QueuedAs>,
) -> Result<Successor> {
    let old = read(sink, id).await?.ledger;
    let mut info = old.info.clone().ok_or_else(|| not_found(id, sink))?;
    expect_failed(id, old.ended.unwrap_or(RunStatus::Running))?;
    let carried = carried(&old, 0);
    info.queued = queued(info.queued.take());
    let first = EventKind::RunStarted {
        workflow: info.workflow.clone(),
        version: info.version,
        input: info.input.clone(),
        plan,
        origin: info.origin.clone(),
        retry_of: Some(id.clone()),
        carries: outcomes(&carried),
        keep_ms: info.keep_ms,
        queued: info.queued.clone(),
    };
    let opening = Opening {
        workflow: info.workflow.as_str().into(),
        keep_ms: info.keep_ms,
        retry_of: Some(id.clone()),
    };
    Ok(Successor { info, opening, first: Event::new(crate::clock::unix_ms(), None, 0, first), carried })
}

pub(super) async fn retry<W, I>(runtime: &Runtime, workflow: &W, id: &RunId) -> Result<Run<W::Output>>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned,
{
    runtime.listen().await?;
    let (config, next) = (runtime.config(), RunId::generate());
    let plan = to_json(&workflow.stage().plan()).ok();
    let Successor { info, opening, first, carried } = successor(runtime.sink(), id, plan, |_| None).await?;
    let (own_input, _) = input::<I>(id, &info, None)?;
    expect_room(id, carried.len(), config.limits.events_per_run)?;
    let mut ledger = Ledger::default();
    apply(&mut ledger, FIRST, std::slice::from_ref(&first))?;
    apply(&mut ledger, SECOND, &carried)?;
    let now = config.sink.now_ms().await?;
    let outbox = Outbox::new(next.clone(), Arc::clone(config), SECOND);
    let core = Arc::new(RunCore::new(next.clone(), Arc::clone(config), outbox, ledger, now));
    let prepared = prepare(&core, &info.origin, workflow, own_input);
    expect_workflow(id, &info, &prepared)?;
    match core.outbox.begin(BatchKind::Opens(opening), vec![first.encode()]).await? {
        Append::Done | Append::Duplicate => {
            carry(&core, carried).await?;
            let local = execute(runtime, core, prepared);
            Ok(Run::new(runtime.clone(), next, Some(local)))
        }
        answer => Err(Error::of(ErrorKind::Sink, format!("the new run `{next}` was refused: {answer:?}"))),
    }
}

fn expect_failed(id: &RunId, status: RunStatus) -> Result<()> {
    if matches!(status, RunStatus::Failed | RunStatus::Cancelled) {
        return Ok(());
    }
    let text =
        format!("run `{id}` is {}: only a run that failed or was cancelled can be retried", status.as_str());
    Err(Error::of(ErrorKind::InvalidInput, text))
}

/// Asked before the new run is opened: it could never begin.
fn expect_room(id: &RunId, events: usize, limit: u64) -> Result<()> {
    if events as u64 <= limit {
        return Ok(());
    }
    let text = format!(
        "run `{id}` cannot be retried: {events} events are carried over, the limit of a run is {limit}"
    );
    Err(Error::of(ErrorKind::Limit, text))
}

/// What a run is to carry over and does not have yet.
pub(super) async fn missing(
    sink: &Arc<dyn EventSink>,
    ledger: &Ledger,
    info: &RunInfo,
) -> Result<Vec<Event>> {
    let Some(id) = info.retry_of.as_ref().filter(|_| ledger.carried < info.carries) else {
        return Ok(Vec::new());
    };
    let old = read(sink, id).await?.ledger;
    let carried = carried(&old, ledger.carried as usize);
    if ledger.carried + outcomes(&carried) == info.carries {
        return Ok(carried);
    }
    let text = format!(
        "the run cannot be resumed: it carries over {} outcomes of run `{id}`, has {}, and the others are gone",
        info.carries, ledger.carried
    );
    Err(Error::of(ErrorKind::Replay, text))
}

/// Takes events in as they will stand from `first` on.
pub(super) fn apply(ledger: &mut Ledger, first: EventId, events: &[Event]) -> Result<()> {
    let ids = (first.seq..).map(|seq| EventId::new(first.epoch, seq));
    ids.zip(events).try_for_each(|(id, event)| ledger.apply(Event { id, ..event.clone() }))
}

/// Appends what is carried over, no more at once than the limits of an append, and returns when it is durable.
pub(super) async fn carry(core: &RunCore, events: Vec<Event>) -> Result<()> {
    let mut last = 0;
    for event in events {
        last = core.outbox.push(event)?;
    }
    core.outbox.commit(last).await.map_err(|stop| error_of(stop, &core.id))
}

/// The successes of a run behind the first `skip`, as events of the one that retries it.
fn carried(old: &Ledger, skip: usize) -> Vec<Event> {
    let now = crate::clock::unix_ms();
    let mut events = Vec::new();
    for (call, start, json, type_name) in old.successes_in_order().into_iter().skip(skip) {
        if let Some(start) = start {
            events.push(Event::new(now, Some(call), 1, restart(start)));
        }
        let outcome =
            Outcome::Output { json: json.clone(), type_name: type_name.to_owned(), origin: Origin::Carried };
        events.push(Event::new(now, Some(call), 1, EventKind::Ended { outcome }));
    }
    events
}

fn outcomes(events: &[Event]) -> u32 {
    let outcomes = events.iter().filter(|event| matches!(event.kind, EventKind::Ended { .. })).count();
    // A run has far fewer: its events are numbered within its limit.
    u32::try_from(outcomes).unwrap_or(u32::MAX)
}

fn restart(start: &Start) -> EventKind {
    EventKind::Started {
        name: start.name.clone(),
        parent: start.parent,
        version: start.version,
        fingerprint: start.fingerprint,
        key: start.key.clone(),
        args: start.args.clone(),
        inputs: None,
        label: start.label.clone(),
        resumed: false,
    }
}
