//! The cache: across runs, single flight, and never for errors.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures_util::FutureExt as _;
use gensx::{
    EventKind,
    event::{Origin, Outcome},
    prelude::*,
};

use crate::support::{has, ran, take_ran};

static COMPUTED: AtomicU32 = AtomicU32::new(0);

#[component(cache(ttl = "1h", key = topic.to_lowercase()))]
async fn looks_up(topic: String) -> gensx::Result<u32> {
    COMPUTED.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(u32::try_from(topic.len()).unwrap())
}

#[component]
async fn asks_many(n: u64) -> gensx::Result<u32> {
    let calls = (0..n).map(|_| looks_up("Rust".to_owned()));
    let found = futures_util::future::try_join_all(calls).await?;
    Ok(found.into_iter().sum())
}

#[component(cache(ttl = "1h"))]
async fn fails(n: u64) -> gensx::Result<u64> {
    ran("fails");
    Err(format!("no {n}").into())
}

#[component]
async fn tries_twice(_: u64) -> gensx::Result<u64> {
    let _ = fails(1).await;
    let _ = fails(1).await;
    Ok(0)
}

#[component(cache(ttl = "1h"))]
async fn counts(_: u64) -> gensx::Result<u32> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    Ok(CALLS.fetch_add(1, Ordering::SeqCst))
}

#[component]
async fn picky(least: u32) -> gensx::Result<u32> {
    counts(7).ensure(move |count| *count >= least).await
}

#[tokio::test]
async fn a_hit_that_the_caller_does_not_accept_is_computed_anew() {
    let runtime = Runtime::in_memory();
    assert_eq!(runtime.run(&picky, 0).await.unwrap(), 0);
    assert_eq!(runtime.run(&picky, 0).await.unwrap(), 0, "a hit");
    assert_eq!(runtime.run(&picky, 1).await.unwrap(), 1, "0 is not enough");
    assert_eq!(runtime.run(&picky, 0).await.unwrap(), 1, "the latest is kept");
}

#[tokio::test]
async fn identical_calls_in_flight_are_computed_once_and_hits_are_recorded() {
    let runtime = Runtime::in_memory();
    assert_eq!(runtime.run(&asks_many, 50).await.unwrap(), 200);
    assert_eq!(COMPUTED.load(Ordering::SeqCst), 1);
    let run = runtime.start(&looks_up, "RUST".to_owned()).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 4);
    assert_eq!(COMPUTED.load(Ordering::SeqCst), 1, "another run, the same key");
    let second = runtime.start(&asks_many, 1).await.unwrap();
    second.output().await.unwrap();
    let cached = |kind: &EventKind| {
        matches!(kind, EventKind::Ended { outcome: Outcome::Output { origin: Origin::Cached, .. } })
    };
    assert!(has(&second.events().collect().await.unwrap(), cached));
}

#[tokio::test]
async fn errors_are_not_cached() {
    let run = Runtime::in_memory().start(&tries_twice, 0).await.unwrap();
    run.output().await.unwrap();
    assert_eq!(take_ran(run.id()), ["fails", "fails"]);
}

#[component(cache(ttl = "1h"))]
async fn takes_a_moment(n: u64) -> gensx::Result<u64> {
    ran("computed");
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok(n)
}

/// Begins a call, and does not poll it while it waits for another one like it.
#[component]
async fn keeps_the_first(n: u64) -> gensx::Result<u64> {
    let mut first = Box::pin(takes_a_moment(n));
    while crate::support::count("computed") == 0 {
        assert!((&mut first).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let second = takes_a_moment(n).await?;
    Ok(first.await? + second)
}

#[tokio::test]
async fn a_computation_that_nobody_polls_holds_no_other_up() {
    let run = Runtime::in_memory().start(&keeps_the_first, 2).await.unwrap();
    let output = tokio::time::timeout(Duration::from_secs(20), run.output()).await.expect("it ends");
    assert_eq!(output.unwrap(), 4);
    assert_eq!(take_ran(run.id()), ["computed", "computed"]);
}
