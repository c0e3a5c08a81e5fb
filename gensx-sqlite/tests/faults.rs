//! A file that fails while it is used: locked, full, damaged, changed by others.

mod common;

use std::{fs, sync::Arc, time::Duration};

use common::*;
use gensx_core::{
    EventSink as _, SinkErrorKind,
    sink::{Append, Batch, Inbox as _, RunFilter},
};
use gensx_sqlite::SqliteSink;
use rusqlite::Connection;

/// A connection that holds the file's write lock.
fn lock(file: &std::path::Path) -> Connection {
    let other = Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test]
async fn a_file_that_stays_locked_is_unavailable_until_it_is_free() {
    let (_folder, file) = place();
    let run = run_id("run");
    let sink = SqliteSink::builder(&file).busy_timeout(Duration::from_millis(20)).open().await.unwrap();
    fill(&sink, &run, 2).await;
    let other = lock(&file);
    let next = batch(&run, 1, 3, "three");
    let error = sink.append(&next).await.unwrap_err();
    assert_eq!(error.kind(), SinkErrorKind::Unavailable);
    assert!(error.to_string().contains("busy timeout"), "{error}");
    assert_eq!(kind(sink.send(&run, message("name")).await), SinkErrorKind::Unavailable);
    assert_eq!(kind(sink.delete(&run).await), SinkErrorKind::Unavailable);
    assert_eq!(read_all(&sink, &run).await.unwrap().len(), 2, "readers do not wait for writers");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(sink.append(&next).await.unwrap(), Append::Done);
    assert_eq!(sink.append(&next).await.unwrap(), Append::Duplicate);
}

#[tokio::test]
async fn appends_wait_for_a_lock_that_is_soon_free() {
    const RUNS: usize = 3_000;
    let (_folder, file) = place();
    let sink = Arc::new(open(&file).await);
    let other = lock(&file);
    let append = |n: usize| {
        let sink = Arc::clone(&sink);
        tokio::spawn(async move { sink.append(&batch(&run_id(&format!("run-{n}")), 1, 1, "one")).await })
    };
    // More than the queue holds.
    let appends: Vec<_> = (0..RUNS).map(append).collect();
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    for append in appends {
        assert_eq!(within("an append", append).await.unwrap().unwrap(), Append::Done);
    }
}

#[tokio::test]
async fn a_full_file_is_unavailable_and_loses_nothing() {
    let (_folder, file) = place();
    let (run, big) = (run_id("run"), run_id("big"));
    let sink = SqliteSink::builder(&file).max_bytes(1 << 20).open().await.unwrap();
    fill(&sink, &run, 10).await;
    let text = "x".repeat(10_000);
    let mut seq = 1;
    let error = loop {
        match sink.append(&batch(&big, 1, seq, &text)).await {
            Ok(answer) => assert_eq!(answer, Append::Done),
            Err(error) => break error,
        }
        seq += 1;
        assert!(seq < 1_000, "the bound was not kept");
    };
    assert_eq!(error.kind(), SinkErrorKind::Unavailable);
    assert!(error.to_string().contains("no room"), "{error}");
    assert_eq!(read_all(&sink, &run).await.unwrap().len(), 10);
    let held = read_all(&sink, &big).await.unwrap();
    assert_eq!(held.len() as u64, seq - 1, "what was acknowledged is there, and nothing else");
    assert!(held.iter().all(|entry| entry.payload.len() == text.len()));

    sink.delete(&big).await.unwrap();
    let next = batch(&run, 1, 11, &text);
    until("room after a deletion", async || sink.append(&next).await.is_ok()).await;
    assert_eq!(read_all(&sink, &run).await.unwrap().len(), 11);
}

#[tokio::test]
async fn values_that_are_too_large_are_refused() {
    let (_folder, file) = place();
    let sink = open(&file).await;
    let run = run_id("run");
    fill(&sink, &run, 1).await;
    let large = "x".repeat((64 << 20) + 1);
    assert_eq!(kind(sink.append(&batch(&run, 1, 2, &large)).await), SinkErrorKind::TooLarge);
    let mut letter = message("name");
    letter.body = large;
    assert_eq!(kind(sink.send(&run, letter).await), SinkErrorKind::TooLarge);
    let nothing = Batch { payloads: Vec::new(), ..batch(&run, 1, 2, "") };
    assert_eq!(kind(sink.append(&nothing).await), SinkErrorKind::Config);
    fill_rest(&sink, 2).await;
}

#[tokio::test]
async fn a_stream_that_has_reached_its_last_position_takes_no_more() {
    let (_folder, file) = place();
    let (run, other) = (run_id("run"), run_id("other"));
    let sink = open(&file).await;
    fill(&sink, &run, 1).await;
    let last = u64::from(u32::MAX);
    let moved = format!("UPDATE events SET id = (id >> 32 << 32) + {}", last - 1);
    Connection::open(&file).unwrap().execute_batch(&moved).unwrap();
    assert_eq!(sink.append(&batch(&run, 1, last, "last")).await.unwrap(), Append::Done);
    assert_eq!(kind(sink.append(&batch(&run, 1, last + 1, "more")).await), SinkErrorKind::TooLarge);
    assert_eq!(sink.read(&run, last - 1, 10).await.unwrap()[0].id.seq, last);
    fill(&sink, &other, 2).await;
    assert_eq!(read_all(&sink, &other).await.unwrap().len(), 2);
}

async fn fill_rest(sink: &SqliteSink, seq: u64) {
    assert_eq!(sink.append(&batch(&run_id("run"), 1, seq, "next")).await.unwrap(), Append::Done);
}

#[tokio::test]
async fn a_damaged_run_is_not_the_failure_of_others() {
    let (_folder, file) = place();
    let sink = Arc::new(open(&file).await);
    let (damaged, whole) = (run_id("damaged"), run_id("whole"));
    fill(&sink, &damaged, 2).await;
    fill(&sink, &whole, 2).await;
    let other = Connection::open(&file).unwrap();
    other
        .execute_batch(
            "UPDATE events SET epoch = -1 WHERE id >> 32 = (SELECT key FROM runs WHERE run = 'damaged')",
        )
        .unwrap();
    // While the file is locked, the appends queue up and come into one transaction.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let append = |run: &gensx_core::RunId, seq| {
        let (sink, batch) = (Arc::clone(&sink), batch(run, 1, seq, "next"));
        tokio::spawn(async move { sink.append(&batch).await })
    };
    let first = append(&whole, 3);
    tokio::task::yield_now().await;
    let rest = [append(&damaged, 3), append(&whole, 4)];
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(first.await.unwrap().unwrap(), Append::Done);
    let [bad, good] = rest;
    assert_eq!(kind(bad.await.unwrap()), SinkErrorKind::Corrupt);
    assert_eq!(good.await.unwrap().unwrap(), Append::Done);
    assert_eq!(kind(sink.head(&damaged).await), SinkErrorKind::Corrupt);
    assert_eq!(kind(sink.read(&damaged, 0, 10).await), SinkErrorKind::Corrupt);
    assert_eq!(read_all(&sink, &whole).await.unwrap().len(), 4);
}

#[tokio::test]
async fn stored_values_that_gensx_does_not_write_are_corrupt() {
    let damages = [
        "UPDATE runs SET status = 'dancing'",
        "UPDATE events SET epoch = 1 << 40",
        "UPDATE runs SET run = 'no spaces', key = key",
        "DROP TABLE events",
    ];
    for damage in damages {
        let (_folder, file) = place();
        let sink = open(&file).await;
        fill(&sink, &run_id("run"), 2).await;
        Connection::open(&file).unwrap().execute_batch(damage).unwrap();
        assert_eq!(kind(sink.list(&RunFilter::new(), None, 10).await), SinkErrorKind::Corrupt, "{damage}");
    }
}

/// Damages a closed file in some way, and uses it: each call must be answered.
async fn survive(seed: usize, damage: impl FnOnce(&mut Vec<u8>)) -> Vec<SinkErrorKind> {
    let (_folder, file) = place();
    let run = run_id("run");
    let sink = open(&file).await;
    fill(&sink, &run, 60).await;
    sink.send(&run, message("name")).await.unwrap();
    drop(sink);
    Connection::open(&file).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    damage(&mut bytes);
    fs::write(&file, bytes).unwrap();

    let mut kinds = Vec::new();
    match within(&format!("opening, seed {seed}"), SqliteSink::open(&file)).await {
        Err(error) => kinds.push(error.kind()),
        Ok(sink) => {
            within(&format!("using, seed {seed}"), async {
                kinds.extend(read_all(&sink, &run).await.err().map(|error| error.kind()));
                kinds.extend(sink.head(&run).await.err().map(|error| error.kind()));
                kinds.extend(sink.list(&RunFilter::new(), None, 10).await.err().map(|error| error.kind()));
                kinds.extend(sink.receive(&run, 0, 10).await.err().map(|error| error.kind()));
                kinds.extend(sink.append(&batch(&run, 1, 61, "next")).await.err().map(|error| error.kind()));
                kinds.extend(sink.send(&run, message("name")).await.err().map(|error| error.kind()));
                kinds.extend(sink.changed(&run, 0).await.err().map(|error| error.kind()));
                kinds.extend(sink.delete(&run).await.err().map(|error| error.kind()));
            })
            .await;
        }
    }
    let typed =
        [SinkErrorKind::Corrupt, SinkErrorKind::Config, SinkErrorKind::NotFound, SinkErrorKind::Unavailable];
    assert!(kinds.iter().all(|kind| typed.contains(kind)), "seed {seed}: {kinds:?}");
    kinds
}

#[tokio::test]
async fn a_truncated_file_gives_typed_errors() {
    let mut corrupt = 0;
    for part in 1..12 {
        let kinds = survive(part, |bytes| bytes.truncate(bytes.len() * part / 12)).await;
        corrupt += usize::from(kinds.contains(&SinkErrorKind::Corrupt));
    }
    assert!(corrupt >= 8, "only {corrupt} of 11 truncated files were noticed");
}

#[tokio::test]
async fn a_file_with_damaged_bytes_gives_typed_errors() {
    let mut noticed = 0;
    for seed in 0..40 {
        let kinds = survive(seed, |bytes| {
            // The places differ from seed to seed and fall into every page.
            for i in 0..200 {
                let at = (seed * 7_919 + i * 104_729) % bytes.len();
                bytes[at] ^= 1 << ((seed + i) % 8);
            }
        })
        .await;
        noticed += usize::from(!kinds.is_empty());
    }
    assert!(noticed >= 20, "only {noticed} of 40 damaged files were noticed");
}
