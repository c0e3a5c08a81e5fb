//! How soon a worker that waits hears of work, and what its waiting costs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gensx_core::{
    RunQueue as _,
    queue::{Release, Released},
};
use gensx_test_servers::RedisServer;

use crate::{
    connect,
    events::soon,
    work::{LONG, ask, claim, entry, put},
};

const ROUNDS: usize = 300;
/// It is 0.3 ms on a machine that does nothing else; build machines do.
const MEDIAN: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_waits_hears_of_work_at_once() {
    let server = RedisServer::start();
    let (client, worker) = (connect(&server).await, Arc::new(connect(&server).await));
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let cursor = claim(&*worker, 0).await.cursor;
        let waits = {
            let worker = Arc::clone(&worker);
            tokio::spawn(async move {
                worker.wait(&ask(1, LONG), cursor).await.unwrap();
                Instant::now()
            })
        };
        // It is idle, as workers are that wait.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let begun = Instant::now();
        put(&client, &entry(&format!("run-{round}"))).await;
        took.push(soon("a wait", waits).await.unwrap().saturating_duration_since(begun));
        let lease = claim(&*worker, 1).await.grants.remove(0).lease;
        assert_eq!(worker.release(&lease, &Release::Done, true).await.unwrap(), Released::Released);
    }
    took.sort();
    println!(
        "from the enqueue's begin to the wait's end: p50 {:?}, p99 {:?}",
        took[ROUNDS / 2],
        took[ROUNDS * 99 / 100]
    );
    assert!(took[ROUNDS / 2] < MEDIAN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_waits_asks_for_next_to_nothing() {
    const IDLE: Duration = Duration::from_secs(6);
    const MOST_PER_SECOND: u64 = 3;
    let server = RedisServer::start();
    let queue = Arc::new(connect(&server).await);
    let cursor = claim(&*queue, 0).await.cursor;
    // A hundred waits of one process share what they hear.
    let waits: Vec<_> = (0..100)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.wait(&ask(1, LONG), cursor).await.unwrap() })
        })
        .collect();
    soon("it listens", async {
        while !server.command(&["PUBSUB", "NUMSUB", &crate::work::key("bell")]).ends_with('1') {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let asked = || {
        let info = server.command(&["INFO", "stats"]);
        let line =
            info.lines().find_map(|line| line.strip_prefix("total_commands_processed:").map(str::to_owned));
        line.unwrap().trim().parse::<u64>().unwrap()
    };
    let before = asked();
    tokio::time::sleep(IDLE).await;
    let commands = asked() - before;
    println!("{commands} commands in {IDLE:?}");
    assert!(commands < MOST_PER_SECOND * IDLE.as_secs(), "{commands} commands in {IDLE:?}");
    put(&*queue, &entry("run")).await;
    for wait in waits {
        soon("each of them hears", wait).await.unwrap();
    }
}
