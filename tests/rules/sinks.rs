//! A sink that fails, and a component that blocks its thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use gensx::{
    ErrorKind, EventKind, EventSink, Limits, MemorySink, RunId, RunStatus, SinkError, SinkErrorKind,
    event::Outcome,
    prelude::*,
    sink::{Append, Arrived, Batch, BatchKind, Cursor, Entry, Head, Inbox, Message, RunFilter, RunPage},
};

use crate::{
    backend::BACKENDS,
    support::{ran, take_ran},
};

/// A sink that is down for a number of appends.
#[derive(Debug)]
struct Down {
    sink: MemorySink,
    left: AtomicU32,
    /// Reads of inboxes that fail.
    deaf: AtomicU32,
}

impl Down {
    fn new(left: u32, deaf: u32) -> Arc<Self> {
        let (left, deaf) = (AtomicU32::new(left), AtomicU32::new(deaf));
        Arc::new(Self { sink: MemorySink::new(), left, deaf })
    }

    fn is_down(&self) -> bool {
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

#[async_trait]
impl EventSink for Down {
    fn name(&self) -> String {
        "flaky-store".to_owned()
    }

    async fn append(&self, batch: &Batch) -> std::result::Result<Append, SinkError> {
        if !matches!(batch.kind, BatchKind::Opens(_)) && self.is_down() {
            // Every other lost answer is to an append that was applied.
            if self.left.load(Ordering::SeqCst).is_multiple_of(2) {
                self.sink.append(batch).await?;
            }
            return Err(SinkError::new(SinkErrorKind::Unavailable, self.name(), "it does not answer"));
        }
        self.sink.append(batch).await
    }

    async fn read(
        &self,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> std::result::Result<Vec<Entry>, SinkError> {
        self.sink.read(run, after, limit).await
    }

    async fn head(&self, run: &RunId) -> std::result::Result<Option<Head>, SinkError> {
        self.sink.head(run).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> std::result::Result<(), SinkError> {
        self.sink.changed(run, after).await
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> std::result::Result<RunPage, SinkError> {
        self.sink.list(filter, after, limit).await
    }

    async fn delete(&self, run: &RunId) -> std::result::Result<(), SinkError> {
        self.sink.delete(run).await
    }

    async fn now_ms(&self) -> std::result::Result<u64, SinkError> {
        self.sink.now_ms().await
    }
}

#[async_trait]
impl Inbox for Down {
    async fn send(&self, run: &RunId, message: Message) -> std::result::Result<u64, SinkError> {
        self.sink.send(run, message).await
    }

    async fn receive(
        &self,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> std::result::Result<Vec<Message>, SinkError> {
        if self.deaf.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(SinkError::new(SinkErrorKind::Unavailable, self.name(), "it does not answer"));
        }
        self.sink.receive(run, after, limit).await
    }

    async fn arrivals(&self, cursor: u64) -> std::result::Result<(u64, Arrived), SinkError> {
        self.sink.arrivals(cursor).await
    }
}

#[component]
async fn step(n: u64) -> gensx::Result<u64> {
    ran(format!("step {n}"));
    Ok(n)
}

#[component]
async fn chain(n: u64) -> gensx::Result<u64> {
    let mut sum = 0;
    for i in 0..n {
        sum += step(i).await?;
    }
    Ok(sum)
}

fn runtime(sink: &Arc<Down>, budget: Duration) -> Runtime {
    let limits = Limits { sink_retry_budget: budget, ..Limits::default() };
    Runtime::builder().shared_sink(Arc::clone(sink) as Arc<dyn EventSink>).limits(limits).build()
}

#[tokio::test]
async fn a_run_waits_while_the_sink_is_down_and_loses_nothing() {
    let sink = Down::new(5, 0);
    let run = runtime(&sink, Duration::from_secs(60)).start(&chain, 3).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 3);
    assert_eq!(take_ran(run.id()), ["step 0", "step 1", "step 2"]);
    let events = run.events().collect().await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, seq)| event.id.seq == seq));
}

#[tokio::test]
async fn a_run_stops_when_the_budget_is_used_up_and_can_be_resumed() {
    let sink = Down::new(u32::MAX, 0);
    let runtime = runtime(&sink, Duration::from_millis(60));
    let run = runtime.start(&chain, 3).await.unwrap();
    let error = run.output().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Sink);
    assert!(format!("{error:#}").contains("flaky-store"), "{error:#}");
    assert_eq!(run.status().await.unwrap(), RunStatus::Running);
    take_ran(run.id());
    sink.left.store(0, Ordering::SeqCst);
    let again = runtime.resume(&chain, run.id()).await.unwrap();
    assert_eq!(again.output().await.unwrap(), 3);
    take_ran(run.id());
}

#[component(durability = "pipelined")]
async fn waits_for_nothing(_: u64) -> gensx::Result<()> {
    step(1).await?;
    std::future::pending().await
}

#[tokio::test]
async fn a_run_that_waits_for_no_append_stops_when_its_events_cannot_be_stored() {
    let sink = Down::new(u32::MAX, 0);
    let runtime = Runtime::builder()
        .shared_sink(Arc::clone(&sink) as Arc<dyn EventSink>)
        .durability(gensx::Durability::Pipelined)
        .limits(Limits { sink_retry_budget: Duration::from_millis(60), ..Limits::default() })
        .build();
    let run = runtime.start(&waits_for_nothing, 0).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), run.output()).await;
    assert_eq!(ended.expect("the run ends").unwrap_err().kind(), ErrorKind::Sink);
    take_ran(run.id());
}

#[component]
async fn sleeps(_: u64) -> gensx::Result<()> {
    gensx::sleep(Duration::from_secs(3_600)).await
}

#[tokio::test]
async fn a_message_is_heard_when_the_inbox_can_be_read_again() {
    let sink = Down::new(0, 3);
    let run = runtime(&sink, Duration::from_secs(60)).start(&sleeps, 0).await.unwrap();
    let outside = runtime(&sink, Duration::from_secs(60));
    outside.attach::<()>(run.id()).await.unwrap().cancel().await.unwrap();
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(sink.deaf.load(Ordering::SeqCst), 0);
}

#[component]
async fn blocks(_: u64) -> gensx::Result<u64> {
    gensx::emit_text("draft", "before it blocks");
    // What readers must see although this thread is held; it waits for the reader, not for a time.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !SEEN.load(Ordering::SeqCst) {
        assert!(std::time::Instant::now() < deadline, "the text was not sent while the component blocked");
        std::thread::yield_now();
    }
    Ok(1)
}

static SEEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appending_and_other_runs_go_on_when_a_component_blocks_its_thread() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&blocks, 0).await.unwrap();
    let mut events = run.events();
    loop {
        if let EventKind::Text { text, .. } = events.next().await.unwrap().unwrap().kind {
            assert_eq!(text, "before it blocks");
            break;
        }
    }
    let other = runtime.start(&chain, 5).await.unwrap();
    assert_eq!(other.output().await.unwrap(), 10, "another run ends while this one blocks");
    take_ran(other.id());
    SEEN.store(true, Ordering::SeqCst);
    assert_eq!(run.output().await.unwrap(), 1);
}

static RECORDED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Blocks until so many have seen what its sibling gave.
#[component]
async fn blocks_until_recorded(runs: u64) -> gensx::Result<u64> {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while RECORDED.load(Ordering::SeqCst) < runs {
        assert!(
            std::time::Instant::now() < deadline,
            "an outcome was not recorded while another call blocked"
        );
        std::thread::yield_now();
    }
    Ok(runs)
}

#[component]
async fn side_by_side(runs: u64) -> gensx::Result<u64> {
    for n in 0..10 {
        step(n).await?;
    }
    let (recorded, blocked) = tokio::join!(step(77), blocks_until_recorded(runs));
    Ok(recorded? + blocked?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_is_recorded_though_the_only_thread_is_blocked() {
    for (backend, runs) in BACKENDS.into_iter().zip(1..) {
        let place = backend.place().await;
        let (url, id) = (place.url.clone(), RunId::generate());
        let own = id.clone();
        let application = std::thread::spawn(move || {
            let only = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            only.block_on(async {
                let runtime =
                    Runtime::builder().shared_sink(gensx::sink_from_url(&url).await.unwrap()).build();
                let run = runtime.start_with_id(&side_by_side, own, runs).await.unwrap();
                run.output().await.unwrap()
            })
        });
        while place.sink.head(&id).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let mut events = gensx::sink::events(Arc::clone(&place.sink), id.clone(), None);
        let is_it = |kind: &EventKind| matches!(kind, EventKind::Ended { outcome: Outcome::Output { json, .. } } if json.get() == "77");
        while !is_it(&events.next().await.unwrap().unwrap().kind) {}
        RECORDED.store(runs, Ordering::SeqCst);
        assert_eq!(application.join().unwrap(), 77 + runs, "on {}", backend.name);
        take_ran(&id);
    }
}
