//! Executors that are shut down while runs live, and runs that are resumed twice at once.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use gensx::{ErrorKind, Event, EventKind, EventSink, prelude::*};

use crate::support::{Dying, crash};

const SOON: Duration = Duration::from_secs(20);

#[component]
async fn waits(_: u64) -> gensx::Result<u64> {
    gensx::input("n", Duration::from_secs(3_600)).await
}

#[component]
async fn has_it_wait(n: u64) -> gensx::Result<u64> {
    waits(n).await
}

fn executor() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_run_is_let_go_of_with_its_executor_and_goes_on_in_another() {
    let (first, second) = (executor(), executor());
    let runtime = Runtime::in_memory();
    let (run, events) = first.block_on(async {
        let run = runtime.start(&has_it_wait, 0).await.unwrap();
        let mut events = run.events();
        while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::InputRequested { .. }) {}
        (run, 3)
    });
    first.shutdown_timeout(SOON);
    second.block_on(async {
        let ended = tokio::time::timeout(SOON, run.output()).await.expect("who waits hears of it");
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Drained);
        let again = runtime.resume(&has_it_wait, run.id()).await.unwrap();
        runtime.send(run.id(), "n", &4, None).await.unwrap();
        let ended = tokio::time::timeout(SOON, again.output()).await.expect("it goes on");
        assert_eq!(ended.unwrap(), 4);
        let all = again.events().collect().await.unwrap();
        let claimed = all.iter().position(|event| matches!(event.kind, EventKind::RunClaimed { .. }));
        assert_eq!(claimed, Some(events), "the shutdown recorded nothing: {all:?}");
    });
}

#[tokio::test]
async fn a_run_that_is_resumed_twice_at_once_is_taken_over_once() {
    let asked = |event: &Event| matches!(event.kind, EventKind::InputRequested { .. });
    let (crashed, _) = crash(&waits, 0, asked).await;
    let claimed = |event: &Event| matches!(event.kind, EventKind::RunClaimed { .. });
    let slow = Dying::slow_on(Arc::clone(&crashed.sink), claimed);
    let runtime = Runtime::builder().shared_sink(Arc::clone(&slow) as Arc<dyn EventSink>).build();
    let (one, id) = (runtime.clone(), crashed.id.clone());
    let first = tokio::spawn(async move { one.resume(&waits, &id).await });
    slow.is_slow.notified().await;
    // The first one has claimed the run, and does not know it yet.
    let mut second = Box::pin(runtime.resume(&waits, &crashed.id));
    assert!((&mut second).now_or_never().is_none());
    slow.goes_on.notify_one();
    let runs = [first.await.unwrap().unwrap(), second.await.unwrap()];
    runtime.send(&crashed.id, "n", &4, None).await.unwrap();
    for run in runs {
        assert_eq!(run.output().await.unwrap(), 4);
    }
    assert_eq!(crashed.events().await.last().unwrap().id.epoch, 2, "one owner");
}
