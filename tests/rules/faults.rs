//! A sink that answers one append wrongly, for each append of a run and each wrong answer: the run ends right, or is let go of
//! with a typed error and ends right where it is resumed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use gensx::{
    Durability, ErrorKind, EventKind, EventSink, MemorySink, RunId, SinkError, SinkErrorKind,
    event::Outcome,
    prelude::*,
    sink::{Append, Arrived, Batch, Cursor, Entry, Head, Inbox, Message, RunFilter, RunPage},
};

use crate::support::{ran, take_ran};

const SOON: Duration = Duration::from_secs(20);

type SinkResult<T> = std::result::Result<T, SinkError>;

/// What is wrong with one answer.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    /// The append fails, and was applied or not.
    Fails { applied: bool, kind: SinkErrorKind },
    /// It is not applied, and this is the answer.
    Answers(Append),
    /// It is applied, and answered as one that was applied before.
    Repeats,
    /// It is applied, and the answer is given when other tasks have had many turns.
    Late,
}

const FAULTS: [Fault; 10] = [
    Fault::Fails { applied: false, kind: SinkErrorKind::Unavailable },
    Fault::Fails { applied: true, kind: SinkErrorKind::Unavailable },
    Fault::Fails { applied: false, kind: SinkErrorKind::TooLarge },
    Fault::Fails { applied: true, kind: SinkErrorKind::Corrupt },
    Fault::Fails { applied: false, kind: SinkErrorKind::NotFound },
    Fault::Answers(Append::Fenced),
    Fault::Answers(Append::Lost),
    Fault::Answers(Append::Ended),
    Fault::Repeats,
    Fault::Late,
];
const TURNS: usize = 200;

#[derive(Debug)]
struct Faulty {
    sink: Arc<MemorySink>,
    fault: Fault,
    /// Appends before the faulty one.
    left: AtomicUsize,
}

#[async_trait]
impl EventSink for Faulty {
    fn name(&self) -> String {
        "faulty".to_owned()
    }

    async fn append(&self, batch: &Batch) -> SinkResult<Append> {
        if self.left.fetch_sub(1, Ordering::SeqCst) != 0 {
            return self.sink.append(batch).await;
        }
        match self.fault {
            Fault::Fails { applied, kind } => {
                if applied {
                    self.sink.append(batch).await?;
                }
                Err(SinkError::new(kind, self.name(), "this append was chosen"))
            }
            Fault::Answers(answer) => Ok(answer),
            Fault::Repeats => {
                self.sink.append(batch).await?;
                self.sink.append(batch).await
            }
            Fault::Late => {
                let answer = self.sink.append(batch).await;
                for _ in 0..TURNS {
                    tokio::task::yield_now().await;
                }
                answer
            }
        }
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> SinkResult<Vec<Entry>> {
        self.sink.read(run, after, limit).await
    }

    async fn head(&self, run: &RunId) -> SinkResult<Option<Head>> {
        self.sink.head(run).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> SinkResult<()> {
        self.sink.changed(run, after).await
    }

    async fn list(&self, filter: &RunFilter, after: Option<&Cursor>, limit: usize) -> SinkResult<RunPage> {
        self.sink.list(filter, after, limit).await
    }

    async fn delete(&self, run: &RunId) -> SinkResult<()> {
        self.sink.delete(run).await
    }

    async fn now_ms(&self) -> SinkResult<u64> {
        self.sink.now_ms().await
    }
}

#[async_trait]
impl Inbox for Faulty {
    async fn send(&self, run: &RunId, message: Message) -> SinkResult<u64> {
        self.sink.send(run, message).await
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> SinkResult<Vec<Message>> {
        self.sink.receive(run, after, limit).await
    }

    async fn arrivals(&self, cursor: u64) -> SinkResult<(u64, Arrived)> {
        self.sink.arrivals(cursor).await
    }
}

#[component]
async fn step(n: u64) -> gensx::Result<u64> {
    ran(n.to_string());
    tokio::task::yield_now().await;
    Ok(n)
}

#[component(durability = "pipelined")]
async fn early(n: u64) -> gensx::Result<u64> {
    ran(n.to_string());
    Ok(n)
}

#[component]
async fn refuses(n: u64) -> gensx::Result<u64> {
    Err(gensx::Error::msg(format!("no {n}")))
}

#[component(retry(max_attempts = 2, initial = "1ms"))]
async fn retried(n: u64) -> gensx::Result<u64> {
    let below = step(n).await?;
    if gensx::current().unwrap().attempt == 1 { Err("once".into()) } else { Ok(below) }
}

#[component]
async fn rich(_: u64) -> gensx::Result<Vec<u64>> {
    let mut seen = vec![step(1).await?];
    let (a, b, c) = tokio::try_join!(step(2), retried(3), early(4))?;
    seen.extend([a, b, c]);
    seen.push(refuses(5).await.map_or(50, |n| n));
    gensx::emit_text("draft", "some text");
    let task = gensx::spawn(async { step(6).await });
    gensx::sleep(Duration::from_millis(1)).await?;
    tokio::select! {
        biased;
        first = step(7) => seen.push(first?),
        second = std::future::pending::<gensx::Result<u64>>() => seen.push(second?),
    }
    seen.push(gensx::input("n", None).await?);
    seen.push(task.await??);
    seen.push(early(8).await?);
    Ok(seen)
}

const OUTPUT: [u64; 9] = [1, 2, 3, 4, 50, 7, 9, 6, 8];

/// Runs the workflow with a fault at one append; gives whether it came to that.
async fn fault_at(fault: Fault, append: usize, durability: Durability) -> bool {
    let sink = Arc::new(MemorySink::new());
    let faulty = Arc::new(Faulty { sink: Arc::clone(&sink), fault, left: AtomicUsize::new(append) });
    let runtime =
        |sink: Arc<dyn EventSink>| Runtime::builder().shared_sink(sink).durability(durability).build();
    let (here, there) = (runtime(Arc::clone(&faulty) as _), runtime(Arc::clone(&sink) as _));
    let what = format!("{fault:?} at append {append}, {durability:?}");
    let id = RunId::generate();
    let first = async {
        let run = here.start_with_id(&rich, id.clone(), 0).await?;
        here.send(&id, "n", &9, None).await?;
        run.output().await
    };
    let ended = tokio::time::timeout(SOON, first).await.unwrap_or_else(|_| panic!("{what}: the run hangs"));
    let recorded = outputs(&sink, &id).await;
    take_ran(&id);
    match ended {
        Ok(output) => assert_eq!(output, OUTPUT, "{what}"),
        Err(error) => assert!(
            matches!(
                error.kind(),
                ErrorKind::Sink
                    | ErrorKind::Fenced
                    | ErrorKind::Limit
                    | ErrorKind::Replay
                    | ErrorKind::NotFound
            ),
            "{what}: {error:?}"
        ),
    }
    if sink.head(&id).await.unwrap().is_some() {
        let resumed = there.resume(&rich, &id).await.unwrap();
        // The first process may have ended before it sent it.
        let _ = there.send(&id, "n", &9, None).await;
        let ended = tokio::time::timeout(SOON, resumed.output()).await;
        let output = ended.unwrap_or_else(|_| panic!("{what}: the resumed run hangs")).unwrap();
        assert_eq!(output, OUTPUT, "{what}, resumed");
        let again = take_ran(&id);
        assert!(!again.iter().any(|n| recorded.contains(n)), "{what}: {again:?} after {recorded:?}");
    }
    faulty.left.load(Ordering::SeqCst) > append
}

/// What is recorded.
async fn outputs(sink: &MemorySink, id: &RunId) -> Vec<String> {
    // The first append may have failed.
    let entries = sink.read(id, 0, 1_000).await.unwrap_or_default();
    let output = |entry: &Entry| match gensx::Event::decode(entry.id, &entry.payload).unwrap().kind {
        EventKind::Ended { outcome: Outcome::Output { json, .. } } => Some(json.get().to_owned()),
        _ => None,
    };
    entries.iter().filter_map(output).collect()
}

#[tokio::test]
async fn a_wrong_answer_to_any_append_makes_no_wrong_result() {
    for durability in [Durability::Strict, Durability::Pipelined] {
        for fault in FAULTS {
            let mut appends = 0;
            while fault_at(fault, appends, durability).await {
                appends += 1;
            }
            assert!(appends > 3, "{fault:?} was tried at {appends} appends");
        }
    }
}
