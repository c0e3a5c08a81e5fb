//! How long things live: expired and deleted runs, dropped futures, waits.

mod common;

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use common::*;
use gensx_core::{
    EventSink as _, RunId, RunStatus, SinkErrorKind,
    sink::{Append, Batch, BatchKind, Inbox as _, Opening, RunFilter},
};
use gensx_sqlite::SqliteSink;
use rusqlite::Connection;

fn count(file: &std::path::Path, table: &str) -> i64 {
    let file = Connection::open(file).unwrap();
    file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn events(file: &std::path::Path) -> i64 {
    let file = Connection::open(file).unwrap();
    file.query_row("SELECT coalesce(sum(count), 0) FROM events", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn runs_expire_after_their_end_and_not_before() {
    const RUNS: usize = 150;
    let (_folder, file) = place();
    let sink = open(&file).await;
    for n in 0..RUNS {
        let run = run_id(&format!("ended-{n}"));
        fill(&sink, &run, 2).await;
        sink.send(&run, message("name")).await.unwrap();
        let end = Batch { closes: Some(RunStatus::Succeeded), ..batch(&run, 1, 3, "end") };
        assert_eq!(sink.append(&end).await.unwrap(), Append::Done);
    }
    fill(&sink, &run_id("running"), 5).await;
    assert_eq!(
        sink.list(&RunFilter::new(), None, 1_000).await.unwrap().runs.len(),
        RUNS + 1,
        "nothing expires unless it is asked for"
    );

    let keeper = SqliteSink::builder(&file).retention(Duration::from_secs(3_600)).open().await.unwrap();
    fill(&keeper, &run_id("second"), 5).await;
    assert_eq!(
        sink.list(&RunFilter::new(), None, 1_000).await.unwrap().runs.len(),
        RUNS + 2,
        "nothing expires too early"
    );

    let sweeper = SqliteSink::builder(&file).retention(Duration::ZERO).open().await.unwrap();
    until("every ended run expires", async || {
        sink.list(&RunFilter::new(), None, 1_000).await.unwrap().runs.len() == 2
    })
    .await;
    assert_eq!(kind(sink.read(&run_id("ended-7"), 0, 10).await), SinkErrorKind::NotFound);
    until("their rows are removed", async || {
        (events(&file), count(&file, "messages"), count(&file, "trash")) == (10, 0, 0)
    })
    .await;
    // A run that ends while the sink is open expires, too, with nobody writing.
    let end = Batch { closes: Some(RunStatus::Failed), ..batch(&run_id("second"), 1, 6, "end") };
    assert_eq!(sink.append(&end).await.unwrap(), Append::Done);
    until("it expires", async || sink.head(&run_id("second")).await.unwrap().is_none()).await;
    assert_eq!(read_all(&sweeper, &run_id("running")).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_run_that_says_how_long_it_is_kept_outlives_its_process_and_no_more() {
    let (_folder, file) = place();
    let keep = |run: &RunId, keep_ms| {
        let opening = Opening { keep_ms: Some(keep_ms), ..Opening::from("tests") };
        Batch { kind: BatchKind::Opens(opening), ..batch(run, 1, 1, "opened") }
    };
    let [soon, later, longest] = ["soon", "later", "longest"].map(run_id);
    let sink = SqliteSink::builder(&file).retention(Duration::ZERO).open().await.unwrap();
    for (run, keep_ms) in [(&soon, 200), (&later, 3_600_000), (&longest, u64::MAX)] {
        assert_eq!(sink.append(&keep(run, keep_ms)).await.unwrap(), Append::Done);
        let end = Batch { closes: Some(RunStatus::Succeeded), ..batch(run, 1, 2, "end") };
        assert_eq!(sink.append(&end).await.unwrap(), Append::Done);
    }
    drop(sink);
    // Whoever has the file open removes it, also with no retention of its own.
    let sink = open(&file).await;
    until("it expires", async || sink.head(&soon).await.unwrap().is_none()).await;
    until("its rows are removed", async || (events(&file), count(&file, "trash")) == (4, 0)).await;
    for run in [&later, &longest] {
        assert_eq!(read_all(&sink, run).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_deleted_runs_rows_are_removed_by_whoever_opens_the_file() {
    let (_folder, file) = place();
    let (big, kept) = (run_id("big"), run_id("kept"));
    let sink = open(&file).await;
    fill(&sink, &kept, 3).await;
    let payloads = vec![Arc::from(&b"event"[..]); 5_000];
    sink.append(&Batch { payloads, ..batch(&big, 1, 1, "") }).await.unwrap();
    sink.delete(&big).await.unwrap();
    // Dropped in the middle of it: what is left is done later.
    drop(sink);
    let sink = open(&file).await;
    fill(&sink, &big, 2).await;
    until("the rows are removed", async || count(&file, "trash") == 0).await;
    assert_eq!(events(&file), 5);
    assert_eq!(read_all(&sink, &big).await.unwrap().len(), 2);
    assert_eq!(read_all(&sink, &kept).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_dropped_append_may_be_repeated() {
    let (_folder, file) = place();
    let sink = open(&file).await;
    let run = run_id("run");
    fill(&sink, &run, 1).await;
    for seq in 2..60 {
        let next = batch(&run, 1, seq, "next");
        {
            let mut dropped = pin!(sink.append(&next));
            // The even ones are begun, the odd ones are not.
            if seq % 2 == 0 {
                let _ = dropped.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        }
        let again = sink.append(&next).await.unwrap();
        assert_eq!(again, if seq % 2 == 0 { Append::Duplicate } else { Append::Done });
    }
    assert_eq!(read_all(&sink, &run).await.unwrap().len(), 59);
}

#[tokio::test]
async fn many_wait_and_one_is_woken() {
    const RUNS: usize = 2_000;
    let (_folder, file) = place();
    let (sink, writer) = (Arc::new(open(&file).await), open(&file).await);
    let runs: Vec<_> = (0..RUNS).map(|n| run_id(&format!("run-{n}"))).collect();
    for run in &runs {
        fill(&writer, run, 1).await;
    }
    let (woken, mut wakes) = tokio::sync::mpsc::unbounded_channel();
    for run in runs.clone() {
        let (sink, woken) = (Arc::clone(&sink), woken.clone());
        tokio::spawn(async move {
            sink.changed(&run, 1).await.unwrap();
            let _ = woken.send(run);
        });
    }
    for n in [7, 1_999, 500] {
        assert_eq!(writer.append(&batch(&runs[n], 1, 2, "news")).await.unwrap(), Append::Done);
        assert_eq!(within("a wake", wakes.recv()).await.unwrap(), runs[n]);
    }
    assert!(wakes.try_recv().is_err(), "a wait returned without a reason");
    writer.delete(&runs[9]).await.unwrap();
    assert_eq!(within("a wake", wakes.recv()).await.unwrap(), runs[9]);
}

#[tokio::test]
async fn readers_in_this_process_learn_of_an_append_at_once() {
    const ROUNDS: u64 = 100;
    /// Much less than between two looks at the file: only the writer itself can have told.
    const AT_ONCE: Duration = Duration::from_millis(2);
    let (_folder, file) = place();
    let sink = open(&file).await;
    let run = run_id("run");
    fill(&sink, &run, 1).await;
    let mut prompt = 0;
    for seq in 2..ROUNDS + 2 {
        let appended = async {
            assert_eq!(sink.append(&batch(&run, 1, seq, "news")).await.unwrap(), Append::Done);
            std::time::Instant::now()
        };
        let told = async {
            sink.changed(&run, seq - 1).await.unwrap();
            std::time::Instant::now()
        };
        let (told, appended) = within("a wait", async { tokio::join!(told, appended) }).await;
        prompt += u64::from(told.saturating_duration_since(appended) < AT_ONCE);
    }
    // Some may be late where the machine is busy.
    assert!(prompt > ROUNDS / 5, "only {prompt} of {ROUNDS} were told at once");
}

#[test]
fn outside_a_runtime_reads_are_refused() {
    let (_folder, file) = place();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(open(&file));
    let run = run_id("run");
    let mut head = pin!(sink.head(&run));
    let Poll::Ready(answer) = head.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits for a runtime that is not there")
    };
    assert_eq!(kind(answer), SinkErrorKind::Config);
}
