//! Lives that end at a chosen event, and a ledger of bodies that is kept outside the sink.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use gensx::{
    Component, Event, EventKind, EventSink, MemorySink, RunId, Runtime, RuntimeBuilder, SinkError,
    event::Outcome,
    sink::{Append, Arrived, Batch, Cursor, Entry, Head, Inbox, Message, RunFilter, RunPage},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Notify;

static RAN: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// Notes that a body runs, under its run.
pub(crate) fn ran(what: impl Into<String>) {
    let run = gensx::current().expect("a body that runs in a run").run.to_string();
    let mut ran = RAN.lock().unwrap();
    ran.get_or_insert_default().entry(run).or_default().push(what.into());
}

/// What ran since the last call of this.
pub(crate) fn take_ran(run: &RunId) -> Vec<String> {
    let mut ran = RAN.lock().unwrap();
    ran.get_or_insert_default().remove(run.as_str()).unwrap_or_default()
}

/// How many bodies of all runs begin with `what` and were not taken.
pub(crate) fn count(what: &str) -> usize {
    let ran = RAN.lock().unwrap();
    ran.iter().flat_map(HashMap::values).flatten().filter(|ran| ran.starts_with(what)).count()
}

type Predicate = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// A sink that dies right after an event: what comes later never arrives, as when the process is killed. It can keep back
/// its answers about another one until it is told to go on.
pub(crate) struct Dying {
    sink: Arc<dyn EventSink>,
    last: Predicate,
    dead: AtomicBool,
    pub(crate) died: Notify,
    slow: Predicate,
    pub(crate) is_slow: Notify,
    pub(crate) goes_on: Notify,
}

impl Dying {
    fn new(sink: Arc<dyn EventSink>, last: Predicate, slow: Predicate) -> Arc<Self> {
        let (died, is_slow, goes_on) = Default::default();
        Arc::new(Self { sink, last, dead: AtomicBool::new(false), died, slow, is_slow, goes_on })
    }

    /// One that dies right after the first event for which `last` is true.
    pub(crate) fn after(
        sink: Arc<dyn EventSink>,
        last: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::new(sink, Box::new(last), Box::new(|_| false))
    }

    /// One that lives, and keeps back its answer about an event.
    pub(crate) fn slow(slow: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Arc<Self> {
        Self::slow_on(Arc::new(MemorySink::new()), slow)
    }

    /// The same, on a sink of its own choice.
    pub(crate) fn slow_on(
        sink: Arc<dyn EventSink>,
        slow: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::new(sink, Box::new(|_| false), Box::new(slow))
    }
}

impl fmt::Debug for Dying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dying")
    }
}

#[async_trait]
impl EventSink for Dying {
    fn name(&self) -> String {
        "dying".to_owned()
    }

    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let decode = |payload| Event::decode(batch.first, payload).unwrap();
        let answer = self.sink.append(batch).await;
        if batch.payloads.iter().map(decode).any(|event| (self.slow)(&event)) {
            self.is_slow.notify_one();
            self.goes_on.notified().await;
        }
        if batch.payloads.iter().map(decode).any(|event| (self.last)(&event)) {
            self.dead.store(true, Ordering::SeqCst);
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
        answer
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        self.sink.read(run, after, limit).await
    }

    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        self.sink.head(run).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        self.sink.changed(run, after).await
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        self.sink.list(filter, after, limit).await
    }

    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        self.sink.delete(run).await
    }

    async fn now_ms(&self) -> Result<u64, SinkError> {
        self.sink.now_ms().await
    }
}

#[async_trait]
impl Inbox for Dying {
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError> {
        self.sink.send(run, message).await
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        self.sink.receive(run, after, limit).await
    }

    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        self.sink.arrivals(cursor).await
    }
}

/// A run whose process died.
pub(crate) struct Crashed {
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) id: RunId,
}

impl Crashed {
    /// A process that finds the stream.
    pub(crate) fn runtime(&self) -> Runtime {
        self.builder().build()
    }

    pub(crate) fn builder(&self) -> RuntimeBuilder {
        Runtime::builder().shared_sink(Arc::clone(&self.sink))
    }

    /// Resumes the run in another process, and gives its output and what ran.
    pub(crate) async fn resume<W, I>(&self, workflow: &W) -> (gensx::Result<W::Output>, Vec<String>)
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        let run = self.runtime().resume(workflow, &self.id).await.unwrap();
        let output = run.output().await;
        (output, take_ran(&self.id))
    }

    /// The events of a run that has not ended.
    pub(crate) async fn events_so_far(&self) -> Vec<Event> {
        let entries = self.sink.read(&self.id, 0, 1000).await.unwrap();
        entries.iter().map(|entry| Event::decode(entry.id, &entry.payload).unwrap()).collect()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        self.runtime().events(&self.id, None).collect().await.unwrap()
    }
}

/// Starts a run in a process that dies right after the first event for which `last` is true.
pub(crate) async fn crash<W, I>(
    workflow: &W,
    input: I,
    last: impl Fn(&Event) -> bool + Send + Sync + 'static,
) -> (Crashed, Vec<String>)
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Send + 'static,
{
    crash_on(Arc::new(MemorySink::new()), workflow, input, last).await
}

/// The same, on a sink of its own choice.
pub(crate) async fn crash_on<W, I>(
    sink: Arc<dyn EventSink>,
    workflow: &W,
    input: I,
    last: impl Fn(&Event) -> bool + Send + Sync + 'static,
) -> (Crashed, Vec<String>)
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Send + 'static,
{
    let dying = Dying::new(Arc::clone(&sink), Box::new(last), Box::new(|_| false));
    let runtime = Runtime::builder().shared_sink(Arc::clone(&dying) as Arc<dyn EventSink>).build();
    // A process of its own, whose tasks end with it.
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let workflow = workflow.clone();
    let started = process.spawn(async move { runtime.start(&workflow, input).await });
    let run = started.await.unwrap().unwrap();
    let id = run.id().clone();
    tokio::select! {
        () = dying.died.notified() => {}
        output = run.output() => panic!("the run ended before its crash: {:?}", output.map(drop)),
    }
    process.shutdown_background();
    let before = take_ran(&id);
    (Crashed { sink, id }, before)
}

/// Whether the event is the outcome of a call that gave `output`.
pub(crate) fn gave(output: &str) -> impl Fn(&Event) -> bool + Send + Sync + 'static {
    let output = output.to_owned();
    move |event| match &event.kind {
        EventKind::Ended { outcome: Outcome::Output { json, .. } } => json.get() == output,
        _ => false,
    }
}

pub(crate) fn has(events: &[Event], kind: impl Fn(&EventKind) -> bool) -> bool {
    events.iter().any(|event| kind(&event.kind))
}
