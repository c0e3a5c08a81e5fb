//! D and T: deletion, time.

use std::pin::pin;

use futures_util::poll;

use super::{Fixture, kit::*, list::listed};
use crate::sink::{Append, RunFilter, SinkErrorKind};

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
        assert_eq!(listed(sink, &RunFilter::new(), 10).await.len(), 1);
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
    assert_eq!(listed(&other, &RunFilter::new(), 10).await, []);
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
