//! What was read before a claim must be what the claim follows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use gensx::{
    Event, EventSink, MemorySink, RunId, Runtime, SinkError, component,
    sink::{
        Append, Arrived, Batch, BatchKind, BatchToken, Cursor, Entry, Head, Inbox, Message, Payload,
        RunFilter, RunPage,
    },
};

/// A store that loses its tail between a read and the claim that follows it, when another owner, which it did not know to be
/// fenced any more, has written as many events in its place.
#[derive(Debug, Default)]
struct Rewritten {
    sink: MemorySink,
    armed: AtomicBool,
}

impl Rewritten {
    async fn rewrite(&self, run: &RunId) -> Result<(), SinkError> {
        let entries = self.sink.read(run, 0, 1_000).await?;
        let head = self.sink.head(run).await?.expect("there is a stream");
        self.sink.delete(run).await?;
        let payloads = entries.iter().map(|entry| other(&entry.payload)).collect();
        let batch = Batch {
            run: run.clone(),
            first: entries[0].id,
            token: BatchToken { owner: 99, number: 1 },
            payloads,
            kind: BatchKind::Opens((*head.workflow).into()),
            closes: None,
        };
        assert_eq!(self.sink.append(&batch).await?, Append::Done);
        Ok(())
    }
}

/// What the other owner wrote: its draw was 2, and the time was another.
fn other(payload: &Payload) -> Payload {
    let text = String::from_utf8(payload.to_vec()).expect("JSON");
    text.replace("\"output\":1", "\"output\":2").replace("\"time\":1", "\"time\":2").into_bytes().into()
}

#[async_trait]
impl EventSink for Rewritten {
    fn name(&self) -> String {
        self.sink.name()
    }
    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        if matches!(batch.kind, BatchKind::Claims { .. }) && self.armed.swap(false, Ordering::SeqCst) {
            self.rewrite(&batch.run).await?;
        }
        self.sink.append(batch).await
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
impl Inbox for Rewritten {
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

static DRAWS: AtomicU32 = AtomicU32::new(0);

#[component]
async fn draw() -> gensx::Result<u32> {
    Ok(DRAWS.fetch_add(1, Ordering::SeqCst) + 1)
}

#[component]
async fn pay(amount: u32) -> gensx::Result<u32> {
    if HANGS.swap(false, Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    Ok(amount)
}

static HANGS: AtomicBool = AtomicBool::new(true);

#[component]
async fn lottery(_round: u32) -> gensx::Result<u32> {
    pay(draw().await?).await
}

/// The draw was 1 when the stream was read, and is 2 where the claim stands: 2 is paid.
#[tokio::test]
async fn what_was_read_is_confirmed_once_the_claim_is_durable() {
    let sink = Arc::new(Rewritten::default());
    let shared: Arc<dyn EventSink> = sink.clone();
    let runtime = || Runtime::builder().shared_sink(Arc::clone(&shared)).build();
    let first = runtime();
    let run = first.start(&lottery, 1).await.unwrap();
    let mut events = run.events();
    while let Some(event) = events.next().await {
        if matches!(event.unwrap().kind, gensx::EventKind::Started { name, .. } if name == "pay") {
            break;
        }
    }
    first.drain().await;

    sink.armed.store(true, Ordering::SeqCst);
    let resumed = runtime().resume(&lottery, run.id()).await.unwrap();
    assert_eq!(resumed.output().await.unwrap(), 2);
    assert_eq!(DRAWS.load(Ordering::SeqCst), 1, "the draw is recorded");
    let last = resumed.events().collect().await.unwrap().pop().unwrap();
    assert!(Event::is_last(&last));
}
