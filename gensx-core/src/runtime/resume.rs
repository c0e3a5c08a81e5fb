//! Going on with a run from its stream, and retrying one that failed.

use std::sync::Arc;

use futures_util::future::join;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Run, Runtime, not_found,
    start::{execute, prepare},
    takeover::{Assignment, Taken, expect_workflow, take_over},
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
    sink::{Append, BatchKind, Entry, EventSink, SinkErrorKind},
};

/// Entries read at once.
const PAGE: usize = 1_000;

/// A stream as it was read: what it says of each call, and its last entry.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) ledger: Ledger,
    pub(super) last: Option<Entry>,
}

/// Reads a whole stream, each page while the one before it is taken in. Empty if there is none.
pub(super) async fn read(sink: &Arc<dyn EventSink>, id: &RunId) -> Result<Stream> {
    let mut stream = Stream::default();
    let mut page = match sink.read(id, 0, PAGE).await {
        Err(error) if error.kind() == SinkErrorKind::NotFound => return Ok(stream),
        page => page?,
    };
    while let Some(last) = page.last() {
        let next = sink.read(id, last.id.seq, PAGE);
        // The read goes first: a store with threads of its own works while this one decodes.
        let (next, taken) = join(next, async { take_in(&mut stream.ledger, &page) }).await;
        taken?;
        let next = next?;
        if let Some(first) = next.first()
            && !goes_on(last.id, &Event::decode(first.id, &first.payload)?)
        {
            let text = format!("run `{id}` was written anew while it was read: resume it again");
            return Err(Error::of(ErrorKind::Sink, text));
        }
        stream.last = page.pop();
        page = next;
    }
    Ok(stream)
}

/// Whether a page goes on from where the one before it ended. Under a new epoch it begins with that owner's claim; if not,
/// the claim stands before, where the page before was read: the store has lost that, and what it said must not be believed.
fn goes_on(last: EventId, next: &Event) -> bool {
    next.id.epoch == last.epoch || matches!(next.kind, EventKind::RunClaimed { .. })
}

fn take_in(ledger: &mut Ledger, page: &[Entry]) -> Result<()> {
    page.iter().try_for_each(|entry| ledger.apply(Event::decode(entry.id, &entry.payload)?))
}

pub(super) async fn resume<W, I>(
    runtime: &Runtime,
    workflow: &W,
    id: &RunId,
    supplied: Option<I>,
) -> Result<Run<W::Output>>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned,
{
    match take_over(runtime, workflow, &Assignment::of_application(id), supplied).await? {
        Taken::Here(local) => Ok(Run::new(runtime.clone(), id.clone(), Some(local))),
        Taken::Ended => Ok(Run::new(runtime.clone(), id.clone(), None)),
        Taken::Gone | Taken::NotQueued => Err(not_found(id, runtime.sink())),
    }
}

/// The input to begin with, and once more for another try where the caller supplied it.
pub(super) fn input<I: Serialize + DeserializeOwned>(
    id: &RunId,
    info: &RunInfo,
    supplied: Option<I>,
) -> Result<(I, Option<I>)> {
    let decode = |json: &str| {
        serde_json::from_str::<I>(json).map_err(|error| {
            let text = format!(
                "run `{id}` cannot be resumed here: its input does not decode as `{}`; it stays as it is",
                std::any::type_name::<I>()
            );
            Error::of(ErrorKind::Replay, text).with_source(error)
        })
    };
    match (supplied, &info.input) {
        (Some(input), _) => {
            let copy = serde_json::to_string(&input).ok().and_then(|json| decode(&json).ok());
            Ok((input, copy))
        }
        (None, Some(json)) => Ok((decode(json.get())?, None)),
        (None, None) => {
            let text = format!(
                "the input of run `{id}` has secret or skipped parts: supply it again, with `resume_with`"
            );
            Err(Error::of(ErrorKind::InvalidInput, text))
        }
    }
}

pub(super) async fn retry<W, I>(runtime: &Runtime, workflow: &W, id: &RunId) -> Result<Run<W::Output>>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned,
{
    runtime.listen().await?;
    let sink = runtime.sink();
    let plan = to_json(&workflow.stage().plan()).ok();
    let (info, events) = successor(sink, id, plan, |_| None).await?;
    let (first, _) = input::<I>(id, &info, None)?;
    let next = RunId::generate();
    let count = events.len() as u64;
    let mut ledger = Ledger::default();
    for (seq, event) in (1..).zip(&events) {
        ledger.apply(Event { id: EventId::new(1, seq), ..event.clone() })?;
    }
    let config = runtime.config();
    let now = config.sink.now_ms().await?;
    let outbox = Outbox::new(next.clone(), Arc::clone(config), EventId::new(1, count + 1));
    let core = Arc::new(RunCore::new(next.clone(), Arc::clone(config), outbox, ledger, now));
    let prepared = prepare(&core, &info.origin, workflow, first);
    expect_workflow(id, &info, &prepared)?;
    let payloads = events.iter().map(Event::encode).collect();
    match core.outbox.begin(BatchKind::Opens(prepared.workflow.as_str().into()), payloads).await? {
        Append::Done | Append::Duplicate => {
            let local = execute(runtime, core, prepared);
            Ok(Run::new(runtime.clone(), next, Some(local)))
        }
        answer => Err(Error::of(ErrorKind::Sink, format!("the new run `{next}` was refused: {answer:?}"))),
    }
}

/// What a run that ended without its output was, and the first events of the run that retries it.
pub(crate) async fn successor(
    sink: &Arc<dyn EventSink>,
    id: &RunId,
    plan: Option<Json>,
    queued: impl FnOnce(&RunInfo) -> Option<QueuedAs>,
) -> Result<(Box<RunInfo>, Vec<Event>)> {
    let old = read(sink, id).await?.ledger;
    let info = old.info.clone().ok_or_else(|| not_found(id, sink))?;
    let status = old.ended.unwrap_or(RunStatus::Running);
    if !matches!(status, RunStatus::Failed | RunStatus::Cancelled) {
        let text = format!(
            "run `{id}` is {}: only a run that failed or was cancelled can be retried",
            status.as_str()
        );
        return Err(Error::of(ErrorKind::InvalidInput, text));
    }
    let events = carried(&old, &info, id, plan, queued(&info));
    Ok((info, events))
}

/// The first events of a run that retries another: its beginning, and the successes that are carried over.
fn carried(
    old: &Ledger,
    info: &RunInfo,
    id: &RunId,
    plan: Option<Json>,
    queued: Option<QueuedAs>,
) -> Vec<Event> {
    let now = crate::clock::unix_ms();
    let first = EventKind::RunStarted {
        workflow: info.workflow.clone(),
        version: info.version,
        input: info.input.clone(),
        plan,
        origin: info.origin.clone(),
        retry_of: Some(id.clone()),
        queued,
    };
    let mut events = vec![Event::new(now, None, 0, first)];
    for (call, start, json, type_name) in old.successes_in_order() {
        if let Some(start) = start {
            events.push(Event::new(now, Some(call), 1, restart(start)));
        }
        let outcome =
            Outcome::Output { json: json.clone(), type_name: type_name.to_owned(), origin: Origin::Carried };
        events.push(Event::new(now, Some(call), 1, EventKind::Ended { outcome }));
    }
    events
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(epoch: u32, kind: EventKind) -> Event {
        Event { id: EventId::new(epoch, 11), ..Event::new(0, None, 0, kind) }
    }

    #[test]
    fn a_page_goes_on_in_its_epoch_or_with_a_claim() {
        let last = EventId::new(1, 10);
        let text = || EventKind::Text { channel: "draft".into(), text: "x".into() };
        assert!(goes_on(last, &event(1, text())));
        assert!(goes_on(
            last,
            &event(2, EventKind::RunClaimed { owner: "me".into(), deployment: None, moved_from: None })
        ));
        assert!(!goes_on(last, &event(2, text())), "the claim of 2 stands where 1 was read");
    }
}
