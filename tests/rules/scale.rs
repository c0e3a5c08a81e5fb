//! Many calls, large inputs, many runs.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::try_join_all;
use gensx::{EventKind, MemorySink, prelude::*};

#[component]
async fn same(n: u64) -> gensx::Result<u64> {
    Ok(n)
}

#[component]
async fn many(n: u64) -> gensx::Result<u64> {
    let identical = try_join_all((0..n).map(|_| same(7))).await?;
    let different = try_join_all((0..n).map(same)).await?;
    Ok(identical.iter().chain(&different).sum())
}

#[tokio::test]
async fn ten_thousand_calls_under_one_parent() {
    let run = Runtime::in_memory().start(&many, 10_000).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 70_000 + 49_995_000);
    let events = run.events().collect().await.unwrap();
    let started = events.iter().filter(|event| matches!(event.kind, EventKind::Started { .. }));
    let calls: std::collections::HashSet<_> = started.filter_map(|event| event.call).collect();
    assert_eq!(calls.len(), 20_000, "each call has an identity of its own");
}

#[component]
async fn length(text: String, table: HashMap<String, u64>) -> gensx::Result<usize> {
    Ok(text.len() + table.len())
}

#[component]
async fn large(_: u64) -> gensx::Result<usize> {
    let table: HashMap<String, u64> = (0..100).map(|n| (format!("key {n}"), n)).collect();
    length("å".repeat(2_500_000), table).await
}

#[tokio::test]
async fn five_megabytes_of_input() {
    let run = Runtime::in_memory().start(&large, 0).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 5_000_100);
    let events = run.events().collect().await.unwrap();
    let shown = events.iter().any(|event| matches!(&event.kind, EventKind::Started { inputs: Some(_), .. }));
    assert!(!shown, "the stream holds the fingerprint, not the value");
}

/// The identity of a call, to the letter. The root package's tests are built with serde_json's `preserve_order`
/// (a dependency turns it on), the same constant in gensx-core's own tests without: identity is the same.
#[tokio::test]
async fn identity_does_not_depend_on_the_features_of_serde_json() {
    let sink = Arc::new(MemorySink::new());
    let runtime = Runtime::builder().shared_sink(sink).build();
    let value =
        serde_json::json!({"b": [1, 1.0, 18_446_744_073_709_551_615_u64], "a": {"z": null, "y": "é"}});
    let run = runtime.start_with_id(&takes_json, "golden".parse().unwrap(), value).await.unwrap();
    run.output().await.unwrap();
    let events = run.events().collect().await.unwrap();
    let started = events.iter().find_map(|event| match &event.kind {
        EventKind::Started { fingerprint, .. } => Some((event.call?.to_string(), fingerprint.to_string())),
        _ => None,
    });
    let (call, fingerprint) = started.unwrap();
    assert_eq!(fingerprint, "8446d4de564a59a3ee7e2b2d6771ebd7");
    assert_eq!(call, "cfbe9ae92d70a9605a9f33155ac78bd6");
}

#[component]
async fn inner(value: serde_json::Value) -> gensx::Result<u64> {
    Ok(value.as_object().map_or(0, |object| object.len() as u64))
}

#[component]
async fn takes_json(value: serde_json::Value) -> gensx::Result<u64> {
    inner(value).await
}

#[component]
async fn waits(n: u64) -> gensx::Result<u64> {
    let more: u64 = gensx::input("more", None).await?;
    Ok(n + more)
}

const RUNS: u64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_runs_wait_at_once_and_then_complete() {
    let sink = Arc::new(MemorySink::new());
    let runtime = Runtime::builder().shared_sink(sink).build();
    let before = resident_bytes();
    let mut runs = Vec::new();
    for n in 0..RUNS {
        runs.push(runtime.start(&waits, n).await.unwrap());
    }
    for run in &runs {
        let mut events = run.events();
        while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::InputRequested { .. }) {}
    }
    let waiting = (resident_bytes() - before) / RUNS;
    println!("{RUNS} runs wait: {waiting} bytes of memory each, their streams included");
    for run in &runs {
        runtime.send(run.id(), "more", &1_u64, None).await.unwrap();
    }
    for (n, run) in runs.iter().enumerate() {
        assert_eq!(run.output().await.unwrap(), n as u64 + 1);
    }
}

/// The memory of this process.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
