//! R and H: what is read.

use std::sync::Arc;

use super::{Fixture, kit::*};
use crate::{
    EventId, RunStatus,
    clock::BoxFuture,
    sink::{Batch, BatchKind, Head, MAX_PAGE, Payload, SinkErrorKind},
};

pub(super) async fn r1_entries_come_in_order_and_to_the_letter(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let large: Vec<u8> = (0..1_usize << 20).map(|i| (i % 251) as u8).collect();
    let payloads: Vec<Payload> =
        [every_byte.as_slice(), b"", b"\0", "text \u{1f600}".as_bytes(), b"\xff\xfe", &large]
            .into_iter()
            .map(Into::into)
            .collect();
    open(&sink, &run, 1).await;
    must_append(&sink, &Batch { payloads: payloads.clone(), ..batch(&run, 1, 2, &[]) }).await;
    must_append(
        &sink,
        &Batch {
            kind: BatchKind::Claims { deployment: None },
            payloads: payloads.clone(),
            ..batch(&run, 7, 8, &[])
        },
    )
    .await;
    for reader in [&sink, &other] {
        let entries = read_all(reader, &run, 1_000).await;
        let ids: Vec<EventId> = entries.iter().map(|entry| entry.id).collect();
        let expected = (1..=13).map(|seq| EventId::new(if seq < 8 { 1 } else { 7 }, seq));
        assert_eq!(ids, expected.collect::<Vec<_>>());
        for (entry, payload) in entries[1..].iter().zip(payloads.iter().chain(&payloads)) {
            assert!(entry.payload == *payload, "the bytes of {} are not those appended", entry.id);
        }
    }
}

pub(super) async fn r2_pages_are_bounded_and_not_empty(Fixture { sink, .. }: Fixture) {
    const EVENTS: usize = MAX_PAGE + 500;
    let run = run_id("run");
    let texts: Vec<String> = (0..EVENTS).map(|n| format!("event {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    must_append(
        &sink,
        &Batch { kind: BatchKind::Opens(WORKFLOW.into()), ..batch(&run, 1, 1, &texts[..700]) },
    )
    .await;
    must_append(&sink, &batch(&run, 1, 701, &texts[700..])).await;
    for limit in [1, 2, 10, MAX_PAGE, MAX_PAGE + 1, usize::MAX] {
        let page = ok(sink.read(&run, 3, limit).await);
        assert!(!page.is_empty() && page.len() <= limit.min(MAX_PAGE), "{} entries for {limit}", page.len());
        assert_eq!(page[0].id.seq, 4);
    }
    for limit in [37, usize::MAX] {
        let seqs = read_all(&sink, &run, limit).await.into_iter().map(|entry| entry.id.seq);
        assert_eq!(seqs.collect::<Vec<_>>(), (1..=EVENTS as u64).collect::<Vec<_>>());
    }
}

pub(super) async fn r3_a_position_past_the_end_gives_nothing(Fixture { sink, .. }: Fixture) {
    let run = run_id("run");
    open(&sink, &run, 3).await;
    for after in [3, 4, 1_000, crate::MAX_SEQ, u64::MAX] {
        assert_eq!(ok(sink.read(&run, after, 10).await).len(), 0, "after {after}");
    }
}

pub(super) async fn r4_all_readers_read_the_same(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    open(&sink, &run, 60).await;
    let reader = |n: usize| -> BoxFuture<Vec<(EventId, Payload)>> {
        let (sink, run) = (Arc::clone(if n.is_multiple_of(2) { &sink } else { &other }), run.clone());
        Box::pin(async move {
            let entries = read_all(&sink, &run, 5 + n).await;
            entries.into_iter().map(|entry| (entry.id, entry.payload)).collect()
        })
    };
    let views = at_once((0..8).map(reader).collect()).await;
    assert_eq!(views[0].len(), 60);
    assert!(views.iter().all(|view| *view == views[0]), "two readers read different streams");
}

pub(super) async fn r5_without_a_stream_it_is_not_found(Fixture { sink, other, .. }: Fixture) {
    let (never, deleted) = (run_id("never"), run_id("deleted"));
    open(&sink, &deleted, 2).await;
    ok(sink.delete(&deleted).await);
    for (run, after) in [(&never, 0), (&never, 7), (&deleted, 0), (&deleted, 2)] {
        assert_eq!(refused(sink.read(run, after, 10).await), SinkErrorKind::NotFound);
        assert_eq!(refused(other.read(run, after, 10).await), SinkErrorKind::NotFound);
    }
}

pub(super) async fn h1_the_head_says_where_the_run_stands(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    let head =
        |epoch, seq, status| Some(Head { workflow: WORKFLOW.into(), last: EventId::new(epoch, seq), status });
    assert_eq!(ok(sink.head(&run).await), None);
    open(&sink, &run, 2).await;
    assert_eq!(ok(other.head(&run).await), head(1, 2, RunStatus::Running));
    must_append(
        &sink,
        &Batch { kind: BatchKind::Claims { deployment: None }, ..batch(&run, 4, 3, &["claim", "work"]) },
    )
    .await;
    assert_eq!(ok(other.head(&run).await), head(4, 4, RunStatus::Running));
    must_append(&other, &closing(&run, 4, 5, RunStatus::Cancelled)).await;
    assert_eq!(ok(sink.head(&run).await), head(4, 5, RunStatus::Cancelled));
}
