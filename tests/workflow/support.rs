//! Runs of workflows, and what their streams say.

use std::{fmt::Debug, sync::Arc, time::Duration};

use gensx::{
    CallId, Component, Event, EventKind, EventSink, MemorySink, Result, Run, RunId, Runtime, event::Outcome,
};
use serde::{Serialize, de::DeserializeOwned};

/// The longest that a test waits for a value.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Calls a workflow outside any run, and in one; both must give the same. Gives that and the run's events.
pub(crate) async fn both<W, I>(workflow: &W, input: I) -> (Result<W::Output>, Vec<Event>)
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + PartialEq + Debug + 'static,
    I: Serialize + DeserializeOwned + Clone + Send + 'static,
{
    let alone = workflow.call(input.clone()).await;
    let run = Runtime::in_memory().start(workflow, input).await.unwrap();
    let within = run.output().await;
    match (&alone, &within) {
        (Ok(alone), Ok(within)) => assert_eq!(alone, within),
        (Err(alone), Err(within)) => {
            assert_eq!((alone.kind(), alone.code()), (within.kind(), within.code()));
        }
        _ => panic!("outside a run: {alone:?}, in one: {within:?}"),
    }
    (within, run.events().collect().await.unwrap())
}

/// A call as the stream tells of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) label: Option<String>,
}

/// The calls that started in epoch `epoch` or later, in order.
pub(crate) fn started_since(events: &[Event], epoch: u32) -> Vec<Told> {
    let told = |event: &Event| match &event.kind {
        EventKind::Started { name, parent, label, .. } if event.id.epoch >= epoch => Some(Told {
            name: name.clone(),
            id: event.call.as_ref().map(CallId::to_string)?,
            parent: parent.as_ref().map(CallId::to_string)?,
            label: label.clone(),
        }),
        _ => None,
    };
    events.iter().filter_map(told).collect()
}

pub(crate) fn started(events: &[Event]) -> Vec<Told> {
    started_since(events, 0)
}

pub(crate) fn names(calls: &[Told]) -> Vec<&str> {
    calls.iter().map(|call| call.name.as_str()).collect()
}

/// Which calls ended how, in order: the component's name and `output`, `failed` or `cancelled`.
pub(crate) fn ended(events: &[Event]) -> Vec<(String, &'static str)> {
    let calls = started(events);
    let told = |event: &Event| {
        let EventKind::Ended { outcome } = &event.kind else { return None };
        let id = event.call?.to_string();
        let name = calls.iter().find(|call| call.id == id)?.name.clone();
        let how = match outcome {
            Outcome::Output { .. } => "output",
            Outcome::Failed(_) => "failed",
            Outcome::Cancelled => "cancelled",
            other => panic!("{other:?}"),
        };
        Some((name, how))
    };
    events.iter().filter_map(told).collect()
}

/// A store that outlives its runtimes, as a server does.
pub(crate) struct Store(pub(crate) Arc<dyn EventSink>);

impl Store {
    pub(crate) fn new() -> Self {
        Self(Arc::new(MemorySink::new()))
    }

    /// A runtime, as another process would have it.
    pub(crate) fn process(&self) -> Runtime {
        Runtime::builder().shared_sink(Arc::clone(&self.0)).decoded_copies(true).build()
    }
}

/// Waits until the run's stream holds `count` events that `wanted` accepts.
pub(crate) async fn reached<T>(run: &Run<T>, count: usize, wanted: impl Fn(&EventKind) -> bool) {
    let look = async {
        let mut events = run.events();
        let mut seen = 0;
        while seen < count {
            let event = events.next().await.expect("the stream ended before it").unwrap();
            seen += usize::from(wanted(&event.kind));
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("the stream never told of it");
}

/// Starts a workflow, lets go of it when `count` events that `wanted` accepts are stored, and resumes it elsewhere.
pub(crate) async fn crash_and_resume<W, I>(
    workflow: &W,
    input: I,
    (count, wanted): (usize, impl Fn(&EventKind) -> bool),
    between: impl FnOnce(),
) -> (Result<W::Output>, Vec<Event>)
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Send + 'static,
{
    let store = Store::new();
    let first = store.process();
    let run = first.start(workflow, input).await.unwrap();
    let id: RunId = run.id().clone();
    reached(&run, count, wanted).await;
    first.drain().await;
    between();
    let run = store.process().resume(workflow, &id).await.unwrap();
    let output = tokio::time::timeout(PATIENCE, run.output()).await.expect("the resumed run never ended");
    (output, run.events().collect().await.unwrap())
}
