//! Callers get outcomes in the order of the stream, live as after a crash, so that the same branch is taken.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
};

use async_trait::async_trait;
use gensx::{
    Component, EventKind, EventSink, MemorySink, RunId, SinkError,
    prelude::*,
    sink::{Append, Arrived, Batch, BatchKind, Cursor, Entry, Head, Inbox, Message, RunFilter, RunPage},
};
use tokio::sync::Semaphore;

use crate::{
    bodies::{apologise, door, held, open},
    support::{PATIENCE, ended, names, reached, started, started_since},
};

/// A store that takes the starts of `late` and `early` only when it is told to: what ends meanwhile becomes durable
/// together.
#[derive(Clone, Debug)]
struct Slow {
    memory: Arc<MemorySink>,
    door: Arc<Semaphore>,
}

impl Slow {
    fn behind(name: &str) -> Self {
        Self { memory: Arc::new(MemorySink::new()), door: door(name) }
    }

    fn process(&self) -> Runtime {
        Runtime::builder().sink(self.clone()).build()
    }
}

#[async_trait]
impl EventSink for Slow {
    fn name(&self) -> String {
        "slow".to_owned()
    }

    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        let start_of_either = |payload: &[u8]| {
            let text = String::from_utf8_lossy(payload);
            text.contains(r#""name":"late""#) || text.contains(r#""name":"early""#)
        };
        if !matches!(batch.kind, BatchKind::Opens(_))
            && batch.payloads.iter().any(|payload| start_of_either(payload))
        {
            drop(self.door.acquire().await);
        }
        self.memory.append(batch).await
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        self.memory.read(run, after, limit).await
    }

    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        self.memory.head(run).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        self.memory.changed(run, after).await
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        self.memory.list(filter, after, limit).await
    }

    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        self.memory.delete(run).await
    }

    async fn now_ms(&self) -> Result<u64, SinkError> {
        self.memory.now_ms().await
    }
}

#[async_trait]
impl Inbox for Slow {
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError> {
        self.memory.send(run, message).await
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        self.memory.receive(run, after, limit).await
    }

    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        self.memory.arrivals(cursor).await
    }
}

/// Ends in the run's second turn, when the store's door may be opened.
#[component]
async fn late(text: String) -> gensx::Result<String> {
    tokio::task::yield_now().await;
    open(&text);
    answer(&text, "late")
}

/// Ends at once.
#[component]
async fn early(text: String) -> gensx::Result<String> {
    answer(&text, "early")
}

fn answer(text: &str, who: &'static str) -> gensx::Result<String> {
    if text.starts_with("fail") { Err(Error::msg("failed").with_code(who)) } else { Ok(who.to_owned()) }
}

#[component]
async fn given(text: String) -> gensx::Result<String> {
    Ok(text)
}

/// Runs a workflow up to the component `held`, lets it go, resumes it, and expects it to take the same way to `answer`.
async fn expect_the_same_way<W>(workflow: W, store: &str, answer: &str)
where
    W: Component<String, Output = String>,
{
    let sink = Slow::behind(store);
    let first = sink.process();
    let run = first.start(&workflow, store.to_owned()).await.unwrap();
    reached(&run, 1, |kind| matches!(kind, EventKind::Started { name, .. } if name == "held")).await;
    first.drain().await;
    open(answer);
    let run = sink.process().resume(&workflow, run.id()).await.unwrap();
    let output = tokio::time::timeout(PATIENCE, run.output()).await;
    assert_eq!(output.expect("another way was taken").unwrap(), answer);
    let events = run.events().collect().await.unwrap();
    assert_eq!(names(&started_since(&events, 2)), ["held"]);
    let mut before: Vec<_> = started(&events).into_iter().filter(|call| call.name == "held").collect();
    before.dedup();
    assert_eq!(before.len(), 1, "another call was built than before: {before:?}");
    let both = ended(&events).into_iter().filter(|(name, _)| name == "early" || name == "late");
    let both: Vec<_> = both.map(|(name, how)| format!("{name}: {how}")).collect();
    assert!(both[0].starts_with("early") && both[1].starts_with("late"), "{both:?}");
    assert!(!both[1].ends_with("cancelled"), "both had ended when the store answered: {both:?}");
}

#[tokio::test]
async fn a_race_is_won_by_the_first_success_of_the_stream() {
    let workflow = Workflow::new("w", given).race((late, early)).map(|who| format!("race {who}")).then(held);
    expect_the_same_way(workflow, "race order", "race early").await;
}

#[tokio::test]
async fn a_join_fails_with_the_first_failure_of_the_stream() {
    let workflow = Workflow::new("w", given)
        .join((late, early))
        .map(|_| String::new())
        .catch(|error, text: String| apologise(text, error.code().unwrap_or_default().to_owned()))
        .then(held);
    expect_the_same_way(workflow, "fail: join order", "sorry about fail: join order: early").await;
}

#[tokio::test]
async fn a_select_takes_the_first_outcome_of_the_stream() {
    #[component]
    async fn plain(text: String) -> gensx::Result<String> {
        let won = {
            let (late, early) = (pin!(late(text.clone())), pin!(early(text)));
            tokio::select! { biased; won = late => won?, won = early => won? }
        };
        held(format!("select {won}")).await
    }
    expect_the_same_way(plain, "select order", "select early").await;
}

#[tokio::test]
async fn a_call_that_is_kept_and_not_polled_holds_nobody_up() {
    #[component]
    async fn plain(text: String) -> gensx::Result<String> {
        let mut kept = pin!(early(text.clone()));
        let first = std::future::poll_fn(|cx| Poll::Ready(kept.as_mut().poll(cx).is_ready())).await;
        let late = late(text).await?;
        Ok(format!("{first} {late} {}", kept.await?))
    }
    let sink = Slow::behind("kept");
    let output = tokio::time::timeout(PATIENCE, sink.process().run(&plain, "kept".to_owned())).await;
    assert_eq!(output.expect("held up").unwrap(), "false late early");
}

#[tokio::test]
async fn what_was_recorded_for_a_call_that_was_dropped_is_given_to_the_next() {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    #[component]
    async fn draw(text: String) -> gensx::Result<u32> {
        tokio::task::yield_now().await;
        open(&text);
        Ok(DRAWN.fetch_add(1, Ordering::SeqCst))
    }
    #[component]
    async fn plain(text: String) -> gensx::Result<u32> {
        {
            let (drawn, early) = (pin!(draw(text.clone())), pin!(early(text.clone())));
            tokio::select! { biased; _ = drawn => panic!("it ends after the other"), won = early => won? };
        }
        let drawn = draw(text).await?;
        held("drawn".to_owned()).await?;
        Ok(drawn)
    }
    let sink = Slow::behind("dropped");
    let first = sink.process();
    let run = first.start(&plain, "dropped".to_owned()).await.unwrap();
    reached(&run, 1, |kind| matches!(kind, EventKind::Started { name, .. } if name == "held")).await;
    first.drain().await;
    open("drawn");
    let run = sink.process().resume(&plain, run.id()).await.unwrap();
    // The call that was dropped gave its place back, and its outcome with it.
    assert_eq!(run.output().await.unwrap(), 0);
    assert_eq!(DRAWN.load(Ordering::SeqCst), 1);
}

// One worker: what a task does with its outcome, it does before another task has its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tasks_of_a_component_get_outcomes_in_the_order_of_the_stream() {
    #[component]
    async fn plain(text: String) -> gensx::Result<Vec<String>> {
        let given = Arc::new(Mutex::new(Vec::new()));
        let note = |call: gensx::Call<'static, String>| {
            let given = Arc::clone(&given);
            async move {
                let who = call.await?;
                given.lock().unwrap().push(who);
                Ok::<_, Error>(())
            }
        };
        let tasks = [gensx::spawn(note(late(text.clone()))), gensx::spawn(note(early(text)))];
        for task in tasks {
            task.await??;
        }
        let given = given.lock().unwrap().clone();
        Ok(given)
    }
    for round in 0..50 {
        let name = format!("tasks {round}");
        let given = tokio::time::timeout(PATIENCE, Slow::behind(&name).process().run(&plain, name)).await;
        assert_eq!(given.expect("nobody is held up").unwrap(), ["early", "late"], "round {round}");
    }
}
