//! L: lists; and A11, how long a run is kept.

use std::sync::Arc;

use super::{Fixture, kit::*};
use crate::{
    RunId, RunStatus,
    sink::{
        Batch, BatchKind, Cursor, EventSink, MAX_LOOKED_AT, MAX_PAGE, Opening, RunFilter, RunPage,
        RunSummary, SinkErrorKind,
    },
};

/// Pages after which a list that does not end is taken for one that never does.
const MANY_PAGES: usize = 10_000;

fn all() -> RunFilter {
    RunFilter::new()
}

/// Every run of a list, in pages of `limit`.
pub(super) async fn listed(sink: &Arc<dyn EventSink>, filter: &RunFilter, limit: usize) -> Vec<RunSummary> {
    let (mut listed, mut after) = (Vec::new(), None::<Cursor>);
    for _ in 0..MANY_PAGES {
        let RunPage { runs, next } = ok(sink.list(filter, after.as_ref(), limit).await);
        assert!(runs.len() <= limit, "{} runs came where {limit} were asked for", runs.len());
        listed.extend(runs);
        match next {
            Some(next) => assert!(after.replace(next.clone()) < Some(next), "a page does not go on"),
            None => return listed,
        }
    }
    panic!("the list does not end");
}

/// The names of the runs of a list, in the order of the names.
async fn names(sink: &Arc<dyn EventSink>, filter: &RunFilter) -> Vec<String> {
    let mut names: Vec<_> = listed(sink, filter, 10).await.iter().map(|run| run.id.to_string()).collect();
    names.sort();
    names
}

fn opening_of(run: &RunId, opening: Opening) -> Batch {
    Batch { kind: BatchKind::Opens(opening), ..batch(run, 1, 1, &["opened"]) }
}

fn claim_for(run: &RunId, epoch: u32, seq: u64, deployment: &str) -> Batch {
    Batch { kind: BatchKind::Claims { deployment: Some(deployment.into()) }, ..claim(run, epoch, seq) }
}

/// Waits until the store's clock has gone on.
async fn tick(sink: &Arc<dyn EventSink>) -> u64 {
    let before = ok(sink.now_ms().await);
    within(SOON, "the store's clock", async {
        loop {
            match ok(sink.now_ms().await) {
                now if now > before => return now,
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

pub(super) async fn l1_runs_come_newest_first(Fixture { sink, other, .. }: Fixture) {
    let run = |n: u32| run_id(&format!("run-{n}"));
    let mut began = Vec::new();
    for n in 0..4 {
        began.push(tick(&sink).await);
        open(&sink, &run(n), 2).await;
    }
    must_append(&sink, &claim_for(&run(1), 2, 3, "green")).await;
    must_append(&sink, &closing(&run(2), 1, 3, RunStatus::Failed)).await;
    let retry = Opening { retry_of: Some(run(2)), ..WORKFLOW.into() };
    began.push(tick(&sink).await);
    must_append(&sink, &opening_of(&run(4), retry)).await;
    let over = tick(&sink).await;
    let found = listed(&other, &all(), 10).await;
    assert_eq!(found.iter().map(|run| run.id.clone()).collect::<Vec<_>>(), [4, 3, 2, 1, 0].map(run));
    for (summary, began) in found.iter().rev().zip(began) {
        let head = ok(sink.head(&summary.id).await).unwrap_or_else(|| panic!("{summary:?} has no stream"));
        assert_eq!(
            (&summary.workflow, summary.last, summary.status),
            (&head.workflow, head.last, head.status)
        );
        assert!((began..=over).contains(&summary.started_ms), "{summary:?} began about {began}");
        assert_eq!(summary.ended_ms.is_some(), head.status.is_ended(), "{summary:?}");
        assert!(summary.ended_ms.is_none_or(|ended| (summary.started_ms..=over).contains(&ended)));
    }
    let [fourth, _, _, second, _] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(fourth.retry_of, Some(run(2)));
    assert_eq!(second.deployment.as_deref(), Some("green"));
    // All of them may have begun in one millisecond.
    for n in 0..40 {
        open(&sink, &run_id(&format!("at-once-{n:02}")), 1).await;
    }
    let found = listed(&other, &all(), 7).await;
    assert_eq!(found.len(), 45);
    assert!(found.is_sorted_by(|a, b| a.cursor() < b.cursor()), "{found:?}");
}

pub(super) async fn l2_pages_of_runs_neither_overlap_nor_leave_out(Fixture { sink, other, .. }: Fixture) {
    const PAGE: usize = 7;
    let stay: Vec<RunId> = (0..30).map(|n| run_id(&format!("stay-{n:02}"))).collect();
    for run in &stay {
        open(&sink, run, 1).await;
    }
    let ends = [run_id("ends-1"), run_id("ends-2")];
    for filter in [all().unfinished(), all(), all().workflow(WORKFLOW)] {
        for run in &ends {
            open(&sink, run, 1).await;
        }
        let (mut found, mut after, mut round) = (Vec::<RunSummary>::new(), None, 0);
        loop {
            let RunPage { runs, next } = ok(sink.list(&filter, after.as_ref(), PAGE).await);
            found.extend(runs);
            let Some(next) = next else { break };
            after = Some(next);
            // Others begin, end and go before and after the place of the next page.
            let come = run_id(&format!("come-{round}"));
            open(&other, &come, 1).await;
            if let Some(run) = ends.get(round) {
                must_append(&other, &closing(run, 1, 2, RunStatus::Failed)).await;
            }
            ok(other.delete(&come).await);
            round += 1;
        }
        assert!(found.is_sorted_by(|a, b| a.cursor() < b.cursor()), "{found:?}");
        let stayed: Vec<_> = found.into_iter().map(|run| run.id).filter(|run| stay.contains(run)).collect();
        assert_eq!(stayed.len(), stay.len(), "{stayed:?}");
        for run in &ends {
            ok(sink.delete(run).await);
        }
    }
}

pub(super) async fn l3_pages_of_runs_are_bounded(Fixture { sink, other, .. }: Fixture) {
    const RUNS: usize = MAX_LOOKED_AT + 100;
    let oldest = run_id("oldest");
    open(&sink, &oldest, 1).await;
    must_append(&sink, &claim_for(&oldest, 2, 2, "rare")).await;
    tick(&sink).await;
    for n in 0..RUNS {
        open(&sink, &run_id(&format!("run-{n}")), 1).await;
    }
    assert_eq!(ok(other.list(&all(), None, 1).await).runs.len(), 1);
    assert_eq!(ok(other.list(&all(), None, 0).await).runs.len(), 1, "a page may hold one at least");
    assert_eq!(ok(other.list(&all(), None, usize::MAX).await).runs.len(), MAX_PAGE);
    assert_eq!(listed(&other, &all(), MAX_PAGE).await.len(), RUNS + 1);
    // It may take several pages to find one among so many.
    let rare = listed(&other, &all().deployment("rare"), 10).await;
    assert_eq!(rare.into_iter().map(|run| run.id).collect::<Vec<_>>(), [oldest]);
}

pub(super) async fn l4_a_workflows_runs_are_listed(Fixture { sink, other, .. }: Fixture) {
    for (name, workflow) in [("a", "blog"), ("b", "blog: long"), ("c", "blog"), ("d", "other")] {
        must_append(&sink, &opening_of(&run_id(name), workflow.into())).await;
    }
    must_append(&sink, &closing(&run_id("c"), 1, 2, RunStatus::Succeeded)).await;
    assert_eq!(names(&other, &all().workflow("blog")).await, ["a", "c"]);
    assert_eq!(names(&other, &all().workflow("blog: long")).await, ["b"]);
    assert!(names(&other, &all().workflow("nobodys")).await.is_empty());
    ok(sink.delete(&run_id("a")).await);
    assert_eq!(names(&other, &all().workflow("blog")).await, ["c"]);
}

pub(super) async fn l5_runs_that_stand_so_are_listed(Fixture { sink, other, .. }: Fixture) {
    let ends = [("b", RunStatus::Succeeded), ("c", RunStatus::Failed), ("d", RunStatus::Cancelled)];
    for name in ["a", "b", "c", "d", "e"] {
        open(&sink, &run_id(name), 2).await;
    }
    for (name, status) in ends {
        must_append(&sink, &closing(&run_id(name), 1, 3, status)).await;
        assert_eq!(names(&other, &all().status(status)).await, [name]);
        assert_eq!(names(&sink, &all().workflow(WORKFLOW).status(status)).await, [name]);
    }
    for filter in [all(), all().workflow(WORKFLOW)] {
        assert_eq!(names(&other, &filter.clone().unfinished()).await, ["a", "e"]);
        assert_eq!(names(&other, &filter.clone().ended()).await, ["b", "c", "d"]);
        assert_eq!(names(&other, &filter).await, ["a", "b", "c", "d", "e"]);
    }
    assert!(names(&other, &all().workflow("other").unfinished()).await.is_empty());
}

pub(super) async fn l6_a_deployments_runs_are_listed(Fixture { sink, other, .. }: Fixture) {
    for name in ["a", "b", "c", "d"] {
        open(&sink, &run_id(name), 1).await;
    }
    for name in ["b", "c", "d"] {
        must_append(&sink, &claim_for(&run_id(name), 2, 2, "blue")).await;
        must_append(&sink, &batch(&run_id(name), 2, 3, &["work"])).await;
    }
    must_append(&sink, &claim_for(&run_id("c"), 3, 4, "green")).await;
    // Taken over by an application.
    must_append(&sink, &claim(&run_id("d"), 3, 4)).await;
    assert_eq!(names(&other, &all().deployment("blue")).await, ["b"]);
    assert_eq!(names(&other, &all().deployment("green")).await, ["c"]);
    assert!(names(&other, &all().deployment("red")).await.is_empty());
    assert_eq!(names(&other, &all()).await.len(), 4);
}

pub(super) async fn l7_runs_of_a_time_are_listed(Fixture { sink, other, .. }: Fixture) {
    for name in ["a", "b", "c"] {
        tick(&sink).await;
        open(&sink, &run_id(name), 1).await;
    }
    must_append(&sink, &closing(&run_id("a"), 1, 2, RunStatus::Succeeded)).await;
    let found = listed(&other, &all(), 10).await;
    let [_, second, _] = found.as_slice() else { panic!("{found:?}") };
    let at = |from_ms, before_ms| RunFilter { from_ms, before_ms, ..all() };
    let began = second.started_ms;
    assert_eq!(names(&other, &at(began, None)).await, ["b", "c"]);
    assert_eq!(names(&other, &at(began + 1, None)).await, ["c"]);
    assert_eq!(names(&other, &at(0, Some(began))).await, ["a"]);
    assert_eq!(names(&other, &at(0, Some(began + 1))).await, ["a", "b"]);
    assert_eq!(names(&other, &at(began, Some(began + 1)).unfinished()).await, ["b"]);
    assert_eq!(names(&other, &at(began, Some(began + 1)).workflow(WORKFLOW)).await, ["b"]);
    assert!(names(&other, &at(began, Some(began))).await.is_empty());
    assert!(names(&other, &at(u64::MAX, None)).await.is_empty());
    assert_eq!(names(&other, &at(0, Some(u64::MAX))).await.len(), 3);
}

pub(super) async fn a11_a_run_is_kept_as_long_as_it_was_opened_for(Fixture { sink, other, .. }: Fixture) {
    const SHORT_MS: u64 = 300;
    const LONG_MS: u64 = 3_600_000;
    let [short, long, open] = ["short", "long", "open"].map(run_id);
    for (run, keep_ms) in [(&short, SHORT_MS), (&long, LONG_MS), (&open, 1)] {
        must_append(&sink, &opening_of(run, Opening { keep_ms: Some(keep_ms), ..WORKFLOW.into() })).await;
        ok(sink.send(run, message("old", "1")).await);
    }
    let ended = ok(sink.now_ms().await);
    for run in [&short, &long] {
        must_append(&sink, &closing(run, 1, 2, RunStatus::Succeeded)).await;
    }
    within(SOON, "the end of a run's time", async {
        while ok(sink.head(&short).await).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Another node of a store may be a moment ahead of the one that tells the time.
    let kept = ok(sink.now_ms().await) - ended;
    assert!(kept + 50 >= SHORT_MS, "it went after {kept} ms");
    for sink in [&sink, &other] {
        assert_eq!(refused(sink.read(&short, 0, 10).await), SinkErrorKind::NotFound);
        assert_eq!(ok(sink.receive(&short, 0, 10).await), []);
        assert_eq!(names(sink, &all()).await, ["long", "open"]);
        assert_eq!(texts(sink, &long).await.len(), 2);
        assert_eq!(ok(sink.receive(&long, 0, 10).await).len(), 1);
    }
    must_append(&other, &batch(&open, 1, 2, &["goes on"])).await;
    // A run of the same name begins anew, and is kept.
    must_append(&sink, &opening(&short)).await;
    must_append(&sink, &closing(&short, 1, 2, RunStatus::Failed)).await;
    assert_eq!(names(&other, &all().failed()).await, ["short"]);
}
