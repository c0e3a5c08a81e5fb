//! A: what is accepted.

use std::sync::Arc;

use super::{Fixture, kit::*};
use crate::{
    RunId, RunStatus,
    clock::BoxFuture,
    sink::{Append, Batch, BatchKind},
};

/// Claims that race in one round.
const RACERS: u32 = 8;
const RACE_ROUNDS: u32 = 20;

pub(super) async fn a1_a_batch_that_opens_a_run_is_accepted(Fixture { sink, other, .. }: Fixture) {
    let (first, second) = (run_id("first"), run_id("second"));
    must_append(&sink, &opening(&first)).await;
    let long = Batch { kind: BatchKind::Opens(WORKFLOW.into()), ..batch(&second, 1, 1, &["a", "b", "c"]) };
    must_append(&other, &long).await;
    assert_eq!(texts(&sink, &first).await.len(), 1);
    assert_eq!(texts(&sink, &second).await.len(), 3);
}

pub(super) async fn a2_a_batch_that_follows_under_the_same_epoch_is_accepted(
    Fixture { sink, other, .. }: Fixture,
) {
    let run = run_id("run");
    open(&sink, &run, 1).await;
    must_append(&sink, &batch(&run, 1, 2, &["two", "three"])).await;
    must_append(&other, &batch(&run, 1, 4, &["four"])).await;
    let seqs: Vec<u64> = texts(&sink, &run).await.iter().map(|(id, _)| id.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
}

pub(super) async fn a3_a_claim_that_follows_is_accepted(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    open(&sink, &run, 2).await;
    must_append(&other, &claim(&run, 2, 3)).await;
    must_append(&other, &batch(&run, 2, 4, &["work"])).await;
    must_append(&sink, &claim(&run, 9, 5)).await;
    let epochs: Vec<u32> = texts(&sink, &run).await.iter().map(|(id, _)| id.epoch).collect();
    assert_eq!(epochs, [1, 1, 2, 2, 9]);
}

pub(super) async fn a4_a_batch_is_added_whole_or_not_at_all(Fixture { sink, other, .. }: Fixture) {
    const SIZE: u64 = 7;
    const BATCHES: u64 = 40;
    let run = run_id("run");
    let texts_of = |n: u64| (0..SIZE).map(|i| format!("{n}.{i}")).collect::<Vec<_>>();
    let nth = move |run: &RunId, n: u64| {
        let texts = texts_of(n);
        batch(run, 1, n * SIZE + 1, &texts.iter().map(String::as_str).collect::<Vec<_>>())
    };
    must_append(&sink, &Batch { kind: BatchKind::Opens(WORKFLOW.into()), ..nth(&run, 0) }).await;
    let writer: BoxFuture<()> = {
        let (sink, run) = (Arc::clone(&sink), run.clone());
        Box::pin(async move {
            for n in 1..BATCHES {
                must_append(&sink, &nth(&run, n)).await;
            }
        })
    };
    let reader: BoxFuture<()> = {
        let run = run.clone();
        Box::pin(async move {
            let mut seq = 0;
            while seq < SIZE * BATCHES {
                seq = ok(other.head(&run).await).map_or(0, |head| head.last.seq);
                assert_eq!(seq % SIZE, 0, "a part of a batch was seen");
            }
        })
    };
    at_once(vec![writer, reader]).await;
    let overlapping = batch(&run, 1, SIZE * BATCHES, &["taken", "free", "free"]);
    assert_eq!(append(&sink, &overlapping).await, Append::Fenced);
    let expected: Vec<String> = (0..BATCHES).flat_map(texts_of).collect();
    let held: Vec<String> = texts(&sink, &run).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(held, expected);
}

pub(super) async fn a5_a_repeated_batch_is_a_duplicate(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    let batches = [
        opening(&run),
        batch(&run, 1, 2, &["two", "three"]),
        claim(&run, 2, 4),
        batch(&run, 2, 5, &["five"]),
        closing(&run, 2, 6, RunStatus::Failed),
    ];
    for (n, batch) in batches.iter().enumerate() {
        must_append(&sink, batch).await;
        for earlier in &batches[..=n] {
            assert_eq!(append(&other, earlier).await, Append::Duplicate, "{earlier:?} after {batch:?}");
        }
    }
    assert_eq!(texts(&sink, &run).await.len(), 6);
}

pub(super) async fn a6_a_stale_owner_is_fenced(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    open(&sink, &run, 2).await;
    must_append(&other, &claim(&run, 2, 3)).await;
    let stale = [
        ("the old owner's next", batch(&run, 1, 3, &["stale"])),
        ("an old owner that guesses the place", batch(&run, 1, 4, &["stale"])),
        ("an old owner past the end", batch(&run, 1, 9, &["stale"])),
        ("a claim whose place is taken", claim(&run, 3, 3)),
        ("the same epoch at a place that is taken", batch(&run, 2, 3, &["twin"])),
        (
            "another owner under the same epoch",
            Batch { token: token(u64::MAX), ..batch(&run, 2, 4, &["after a claim that the store lost"]) },
        ),
        ("a second opening", opening(&run)),
        (
            "a second opening under a higher epoch",
            Batch { kind: BatchKind::Opens("x".into()), ..batch(&run, 5, 4, &["x"]) },
        ),
    ];
    for (what, batch) in &stale {
        assert_eq!(append(&sink, batch).await, Append::Fenced, "{what}");
    }
    let held = texts(&sink, &run).await;
    assert_eq!(held.len(), 3, "{held:?}");
}

pub(super) async fn a7_a_hole_is_lost(Fixture { sink, .. }: Fixture) {
    let (run, unknown) = (run_id("run"), run_id("unknown"));
    open(&sink, &run, 2).await;
    assert_eq!(append(&sink, &batch(&run, 1, 4, &["hole"])).await, Append::Lost);
    assert_eq!(append(&sink, &claim(&run, 2, 5)).await, Append::Lost);
    assert_eq!(append(&sink, &batch(&unknown, 1, 1, &["not opened"])).await, Append::Lost);
    assert_eq!(append(&sink, &batch(&unknown, 3, 8, &["gone"])).await, Append::Lost);
    let unclaimed = batch(&run, 2, 3, &["after a claim that the store lost"]);
    assert_eq!(append(&sink, &unclaimed).await, Append::Lost);
    let late =
        Batch { kind: BatchKind::Opens(WORKFLOW.into()), ..batch(&unknown, 1, 2, &["opens in the middle"]) };
    assert_eq!(append(&sink, &late).await, Append::Lost);
    assert_eq!(texts(&sink, &run).await.len(), 2);
    assert_eq!(ok(sink.head(&unknown).await), None);
}

pub(super) async fn a8_nothing_follows_the_end(Fixture { sink, other, .. }: Fixture) {
    for status in [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled] {
        let run = run_id(status.as_str());
        open(&sink, &run, 2).await;
        must_append(&sink, &closing(&run, 1, 3, status)).await;
        let refused = [
            batch(&run, 1, 4, &["next"]),
            claim(&run, 2, 4),
            batch(&run, 1, 3, &["twin"]),
            closing(&run, 1, 4, RunStatus::Cancelled),
        ];
        for batch in &refused {
            assert_eq!(append(&other, batch).await, Append::Ended, "{batch:?}");
        }
        assert_eq!(texts(&sink, &run).await.len(), 3);
    }
}

pub(super) async fn a9_one_of_the_claims_that_race_wins(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    open(&sink, &run, 1).await;
    for round in 1..=RACE_ROUNDS {
        let claim = |racer: u32| -> BoxFuture<Append> {
            let sink = if racer.is_multiple_of(2) { Arc::clone(&sink) } else { Arc::clone(&other) };
            let claim = claim(&run, round + 1, u64::from(round) + 1);
            Box::pin(async move { append(&sink, &claim).await })
        };
        let answers = at_once((0..RACERS).map(claim).collect()).await;
        let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
        assert_eq!((count(Append::Done), count(Append::Fenced)), (1, RACERS as usize - 1), "{answers:?}");
    }
    let held: Vec<_> = texts(&sink, &run).await.into_iter().map(|(id, _)| (id.epoch, id.seq)).collect();
    assert_eq!(held, (1..=RACE_ROUNDS + 1).map(|n| (n, u64::from(n))).collect::<Vec<_>>());
}

pub(super) async fn a10_what_is_done_is_read(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    open(&sink, &run, 1).await;
    for seq in 2..100 {
        must_append(&sink, &batch(&run, 1, seq, &["event"])).await;
        for reader in [&sink, &other] {
            assert_eq!(ok(reader.read(&run, seq - 1, 10).await).len(), 1, "event {seq} by {}", reader.name());
        }
    }
}
