//! L, D and T: lists, deletion, time.

use std::pin::pin;

use futures_util::poll;

use super::{Fixture, kit::*};
use crate::{
    RunId, RunStatus,
    sink::{Append, SinkErrorKind},
};

pub(super) async fn l1_only_unfinished_runs_are_listed(Fixture { sink, other, .. }: Fixture) {
    for name in ["a", "b", "c", "d"] {
        open(&sink, &run_id(name), 2).await;
    }
    must_append(&sink, &closing(&run_id("b"), 1, 3, RunStatus::Succeeded)).await;
    must_append(&sink, &closing(&run_id("d"), 1, 3, RunStatus::Cancelled)).await;
    for (unfinished, expected) in [(true, vec!["a", "c"]), (false, vec!["a", "b", "c", "d"])] {
        let listed = ok(other.list(unfinished, None, 10).await);
        assert_eq!(listed.iter().map(|(run, _)| run.as_str()).collect::<Vec<_>>(), expected);
        for (run, head) in listed {
            assert_eq!(ok(sink.head(&run).await), Some(head));
        }
    }
}

pub(super) async fn l2_pages_of_runs_neither_overlap_nor_leave_out(Fixture { sink, other, .. }: Fixture) {
    const PAGE: usize = 7;
    let stay: Vec<RunId> = (0..30).map(|n| run_id(&format!("stay-{n:02}"))).collect();
    for run in &stay {
        open(&sink, run, 1).await;
    }
    for unfinished in [true, false] {
        let (mut listed, mut round) = (Vec::<RunId>::new(), 0);
        loop {
            let page = ok(sink.list(unfinished, listed.last(), PAGE).await);
            assert!(page.len() <= PAGE);
            let Some((first, _)) = page.first() else { break };
            assert!(listed.last().is_none_or(|last| last < first));
            listed.extend(page.into_iter().map(|(run, _)| run));
            // Others come and go before and after the place of the next page.
            let come = |place: &str| run_id(&format!("{place}-{unfinished}-{round}"));
            open(&other, &come("come"), 1).await;
            open(&other, &come("stay-20"), 1).await;
            ok(other.delete(&come("come")).await);
            round += 1;
        }
        assert!(listed.is_sorted_by(|a, b| a < b), "{listed:?}");
        let stayed: Vec<_> = listed.into_iter().filter(|run| stay.contains(run)).collect();
        assert_eq!(stayed, stay);
    }
}

pub(super) async fn d1_a_deleted_run_is_gone(Fixture { sink, other, .. }: Fixture) {
    let (run, kept) = (run_id("run"), run_id("kept"));
    open(&sink, &run, 3).await;
    open(&sink, &kept, 3).await;
    ok(sink.send(&run, message("old", "1")).await);
    let mut waits = pin!(async { tokio::join!(sink.changed(&run, 3), other.changed(&run, 3)) });
    let early = poll!(waits.as_mut()).is_ready();
    ok(other.delete(&run).await);
    if !early {
        let (here, there) = within(SOON, "waits for a deleted run", waits).await;
        ok(here.and(there));
    }
    for sink in [&sink, &other] {
        assert_eq!(refused(sink.read(&run, 0, 10).await), SinkErrorKind::NotFound);
        assert_eq!(append(sink, &batch(&run, 1, 4, &["next"])).await, Append::Lost);
        assert_eq!(append(sink, &claim(&run, 2, 4)).await, Append::Lost);
        assert_eq!(ok(sink.head(&run).await), None);
        assert_eq!(ok(sink.receive(&run, 0, 10).await), []);
        assert_eq!(ok(sink.list(false, None, 10).await).len(), 1);
    }
    must_append(&sink, &opening(&run)).await;
    assert_eq!(texts(&other, &run).await.len(), 1, "a run of the same name begins anew");
    assert_eq!(ok(other.receive(&run, 0, 10).await), []);
    assert_eq!(texts(&other, &kept).await.len(), 3);
}

pub(super) async fn d2_a_run_that_does_not_exist_is_deleted_already(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    ok(sink.delete(&run).await);
    open(&sink, &run, 2).await;
    ok(sink.delete(&run).await);
    ok(sink.delete(&run).await);
    ok(other.delete(&run).await);
    assert_eq!(ok(other.list(false, None, 10).await), []);
}

pub(super) async fn t1_time_does_not_go_back(Fixture { sink, .. }: Fixture) {
    /// 2020 and 2200, in milliseconds since 1970: a store that counts seconds or microseconds is far outside.
    const PLAUSIBLE: std::ops::Range<u64> = 1_577_836_800_000..7_258_118_400_000;
    let mut last = 0;
    for _ in 0..1_000 {
        let now = ok(sink.now_ms().await);
        assert!(PLAUSIBLE.contains(&now) && now >= last, "{now} after {last}");
        last = now;
    }
}
