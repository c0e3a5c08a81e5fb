//! Very many at once, and what each takes.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use gensx_core::{
    RunQueue as _,
    queue::{Due, Enqueue, Limit, MAX_CLAIM, MAX_DUE_PER_CALL, Release, Released},
};
use gensx_redis::RedisQueue;
use gensx_test_servers::RedisServer;

use crate::{
    connect,
    events::{run_id, soon},
    work::{LONG, ask, assert_empty, claim, entry, put},
};

const RUNS: usize = 20_000;
/// Requests under way at once.
const AT_ONCE: usize = 256;

async fn put_all(queue: &Arc<RedisQueue>, entries: impl Iterator<Item = Enqueue>) {
    let put = |entry: Enqueue| async move { put(&**queue, &entry).await };
    stream::iter(entries).for_each_concurrent(AT_ONCE, put).await;
}

/// Claims all that is due, and gives how many claims it took.
async fn claim_all(
    queue: &RedisQueue,
    lease: Duration,
) -> (BTreeSet<String>, Vec<gensx_core::queue::Lease>, usize) {
    let (mut names, mut leases, mut claims) = (BTreeSet::new(), Vec::new(), 0);
    while names.len() < RUNS {
        let claimed = queue.claim(&ask(MAX_CLAIM, lease)).await.unwrap();
        claims += 1;
        let more = RUNS - names.len() - claimed.grants.len();
        assert!(more == 0 || claimed.next_due.is_some(), "{more} are to come");
        for grant in claimed.grants {
            assert!(names.insert(grant.lease.run.to_string()), "{:?} came twice", grant.lease);
            leases.push(grant.lease);
        }
    }
    (names, leases, claims)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_starts_and_leases_that_are_due_at_once_all_come_back() {
    let server = RedisServer::start();
    let queue = Arc::new(connect(&server).await);
    let due = Due::After(Duration::from_millis(1));
    put_all(&queue, (0..RUNS).map(|n| Enqueue { due, ..entry(&format!("run-{n}")) })).await;
    assert_eq!(queue.stats().await.unwrap().delayed, RUNS as u64);
    // However many are due, one call looks at no more than it may: it holds up the others of its server for as long.
    assert!(claim(&*queue, 0).await.grants.is_empty());
    assert_eq!(queue.stats().await.unwrap().delayed, (RUNS - MAX_DUE_PER_CALL) as u64);
    let begun = Instant::now();
    let lease = Duration::from_secs(20);
    let (_, _, claims) = claim_all(&queue, lease).await;
    println!("{RUNS} that were due at once: {claims} claims, {:?}", begun.elapsed());
    assert!(claims <= RUNS / MAX_DUE_PER_CALL + 3, "{claims} claims");
    assert!(begun.elapsed() < lease, "this machine is too slow for the test");
    let until = soon("the leases run out", async {
        tokio::time::sleep(lease.saturating_sub(begun.elapsed())).await;
        while claim(&*queue, 0).await.next_due != Some(Duration::ZERO) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    until.await;
    let begun = Instant::now();
    let (_, leases, claims) = claim_all(&queue, LONG).await;
    println!("{RUNS} leases that had run out: {claims} claims, {:?}", begun.elapsed());
    let done = |lease| {
        let queue = Arc::clone(&queue);
        async move {
            assert_eq!(queue.release(&lease, &Release::Done, true).await.unwrap(), Released::Released);
        }
    };
    stream::iter(leases).for_each_concurrent(AT_ONCE, done).await;
    assert_empty(std::slice::from_ref(&server));
}

/// A limit for all of the fleet, before more lanes than one call lets on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_very_many_workflows_lets_all_of_them_on() {
    const WORKFLOWS: usize = 300;
    let server = RedisServer::start();
    let queue = Arc::new(connect(&server).await);
    let name = |n: usize| format!("workflow-{n:03}");
    let only = vec![Limit { name: "whole".into(), key: "".into(), max: 1 }];
    let limited = |n: usize| Enqueue {
        workflow: name(n).into(),
        limits: only.clone(),
        ..entry(&format!("run-{n:03}"))
    };
    put(&*queue, &limited(0)).await;
    let by_name = |n: usize| {
        let mut asked = ask(1, LONG);
        asked.workflows[0].workflow = name(n).into();
        asked
    };
    let mut holder = queue.claim(&by_name(0)).await.unwrap().grants.remove(0).lease;
    for n in 1..WORKFLOWS {
        put(&*queue, &limited(n)).await;
    }
    assert_eq!(queue.stats().await.unwrap().held, WORKFLOWS as u64 - 1);
    // Whatever comes next is looked for by its own workflow alone, the last in the order of names first.
    for n in (1..WORKFLOWS).rev() {
        assert_eq!(queue.release(&holder, &Release::Done, true).await.unwrap(), Released::Released);
        holder = soon("the next one", async {
            loop {
                let claimed = queue.claim(&by_name(n)).await.unwrap();
                if let Some(grant) = claimed.grants.into_iter().next() {
                    return grant.lease;
                }
                assert_eq!(claimed.next_due, Some(Duration::ZERO), "{} is not let on", name(n));
            }
        })
        .await;
    }
    assert_eq!(queue.release(&holder, &Release::Done, true).await.unwrap(), Released::Released);
    while claim(&*queue, 1).await.next_due == Some(Duration::ZERO) {}
    assert_empty(std::slice::from_ref(&server));
}

/// Bytes of Redis for each queued run, without its stream: `cargo test -p gensx-redis --test queue_faults memory -- --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_a_queued_run_is_bounded() {
    const MOST_BYTES: u64 = 1_536;
    const FIRST_EVENT_BYTES: usize = 400;
    const SAMPLE: usize = 10_000;
    let first = "x".repeat(FIRST_EVENT_BYTES);
    let limit =
        |n: usize| Limit { name: "onboarding".into(), key: format!("user-{}", n % 500).into(), max: 3 };
    for (what, limits, due) in
        [("ready", 0, Due::Now), ("held by a limit", 1, Due::Now), ("delayed", 0, Due::After(LONG))]
    {
        let server = RedisServer::start();
        let queue = Arc::new(connect(&server).await);
        let used = || {
            let info = server.command(&["INFO", "memory"]);
            let line =
                info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:").map(str::to_owned));
            line.unwrap().trim().parse::<u64>().unwrap()
        };
        let before = used();
        let entries = (0..SAMPLE).map(|n| Enqueue {
            run: run_id(&format!("{n:032x}")),
            first: Some(first.as_bytes().into()),
            limits: (0..limits).map(|_| limit(n)).collect(),
            due,
            ..entry("run")
        });
        put_all(&queue, entries).await;
        let each = (used() - before) / SAMPLE as u64;
        println!("a run that is {what}: {each} bytes, {FIRST_EVENT_BYTES} of them its first event");
        assert!(each < MOST_BYTES, "{what}: {each} bytes");
    }
}
