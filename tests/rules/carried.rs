//! What a retry carries over, when it is much, and when the process ends meanwhile.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::try_join_all;
use gensx::{
    ErrorKind, Event, EventKind, EventSink, Limits, MemorySink, RunId,
    event::{Origin, Outcome},
    prelude::*,
};

use crate::{
    backend::BACKENDS,
    support::{Dying, ran, take_ran},
};

/// More than some stores take in one append.
const MANY: u64 = 2_500;
const FEW: u64 = 20;
const SOON: Duration = Duration::from_secs(60);

#[component]
async fn part(n: u64) -> gensx::Result<u64> {
    ran(format!("part {n}"));
    Ok(n)
}

/// Runs that have ended once: where they are retried, they succeed.
static FAILED: Mutex<Option<HashSet<String>>> = Mutex::new(None);

#[component]
async fn last(whole: String) -> gensx::Result<u64> {
    ran("last");
    if FAILED.lock().unwrap().get_or_insert_default().insert(whole) { Err("not yet".into()) } else { Ok(1) }
}

#[component]
async fn whole((name, parts): (String, u64)) -> gensx::Result<u64> {
    let given = try_join_all((0..parts).map(part)).await?;
    Ok(given.len() as u64 + last(name).await?)
}

async fn failed(sink: &Arc<dyn EventSink>, name: &str, parts: u64) -> RunId {
    let runtime = Runtime::builder().shared_sink(Arc::clone(sink)).build();
    let run = runtime.start(&whole, (name.to_owned(), parts)).await.unwrap();
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Failed);
    assert_eq!(take_ran(run.id()).len() as u64, parts + 1);
    run.id().clone()
}

#[tokio::test]
async fn a_run_of_many_calls_is_retried_on_every_store() {
    for backend in BACKENDS {
        let place = backend.place().await;
        let id = failed(&place.sink, backend.name, MANY).await;
        let runtime = Runtime::builder().shared_sink(Arc::clone(&place.sink)).build();
        let run = runtime.retry(&whole, &id).await.unwrap();
        assert_eq!(run.output().await.unwrap(), MANY + 1, "on {}", backend.name);
        assert_eq!(take_ran(run.id()), ["last"]);
    }
}

fn is_carried(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Ended { outcome: Outcome::Output { origin: Origin::Carried, .. } })
}

/// A retry whose process ends when a part is carried over.
async fn cut_off(sink: &Arc<dyn EventSink>, id: &RunId) -> RunId {
    let dying = Dying::after(Arc::clone(sink), is_carried);
    let runtime = Runtime::builder()
        .shared_sink(Arc::clone(&dying) as Arc<dyn EventSink>)
        .limits(Limits { batch_events: 7, ..Limits::default() })
        .build();
    tokio::select! {
        () = dying.died.notified() => {}
        run = runtime.retry(&whole, id) => panic!("it was carried over whole: {run:?}"),
    }
    let left = Runtime::builder().shared_sink(Arc::clone(sink)).build().unfinished().await.unwrap();
    let [(left, head)] = &left[..] else { panic!("{left:?}") };
    assert_eq!(head.last.seq, 8);
    left.clone()
}

#[tokio::test]
async fn a_retry_that_was_cut_off_is_completed_by_a_resume() {
    let sink: Arc<dyn EventSink> = Arc::new(MemorySink::new());
    let id = failed(&sink, "cut off", FEW).await;
    let next = cut_off(&sink, &id).await;
    let runtime = Runtime::builder().shared_sink(Arc::clone(&sink)).build();
    let run = runtime.resume(&whole, &next).await.unwrap();
    let output = tokio::time::timeout(SOON, run.output()).await.expect("it goes on");
    assert_eq!(output.unwrap(), FEW + 1);
    assert_eq!(take_ran(&next), ["last"], "what had succeeded is not run again");
    let events = run.events().collect().await.unwrap();
    assert_eq!(events.iter().filter(|event| is_carried(event)).count() as u64, FEW);
}

#[tokio::test]
async fn a_retry_that_was_cut_off_is_not_resumed_without_what_it_retries() {
    let sink: Arc<dyn EventSink> = Arc::new(MemorySink::new());
    let id = failed(&sink, "deleted", FEW).await;
    let next = cut_off(&sink, &id).await;
    sink.delete(&id).await.unwrap();
    let error =
        Runtime::builder().shared_sink(Arc::clone(&sink)).build().resume(&whole, &next).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replay);
    assert!(error.to_string().contains("carries over 20 outcomes"), "{error}");
    assert_eq!(sink.head(&next).await.unwrap().unwrap().last.epoch, 1, "nobody has claimed it");
}
