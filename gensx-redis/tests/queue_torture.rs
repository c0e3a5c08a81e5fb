//! Several workers over a Redis whose connections are killed every few milliseconds, whose replies are lost, and that is
//! killed and started again. What happened is known from what the workers were told, not from a second look at the queue.
//!
//! `GENSX_TORTURE_SEED=N` repeats the dice of a failure.

#[allow(dead_code, reason = "most of it is for tests of sinks")]
#[path = "support/events.rs"]
mod events;
#[path = "queue_torture/oracle.rs"]
mod oracle;
#[path = "support/work.rs"]
mod work;
#[path = "queue_torture/worker.rs"]
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gensx_core::{
    RunQueue,
    queue::{Due, Enqueue, Limit, QueueErrorKind},
};
use gensx_redis::{RedisQueue, RedisSink};
use gensx_test_servers::{Proxy, RedisCluster, RedisServer};

use self::{
    events::soon,
    oracle::Oracle,
    work::{assert_empty, entry},
    worker::Worker,
};

const RUNS: usize = 1_200;
const WORKERS: usize = 8;
/// Each key of the limit has so many runs at once at most.
const MAX_AT_ONCE: u32 = 3;
const KEYS: usize = 12;
/// Between two kills of connections, if a run was done meanwhile.
const KILL_INTERVAL: Duration = Duration::from_millis(3);
/// After which parts of the work, in percent, Redis is killed and started again.
const RESTARTS: [usize; 3] = [25, 50, 75];
const LOSES_ONE_IN: u64 = 100;

fn seed() -> u64 {
    let given = std::env::var("GENSX_TORTURE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("GENSX_TORTURE_SEED={seed}");
    seed
}

/// Ends the trouble when the test ends, also with a panic.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two of three.
fn is_limited(n: usize) -> bool {
    !n.is_multiple_of(3)
}

fn limit_key(n: usize) -> usize {
    n % KEYS
}

/// Some under a limit, some that start later, each with its first event.
fn entries() -> impl Iterator<Item = Enqueue> {
    (0..RUNS).map(|n| Enqueue {
        priority: (n % 3) as i8,
        due: if n % 7 == 0 { Due::After(Duration::from_millis(50)) } else { Due::Now },
        limits: is_limited(n)
            .then(|| Limit { name: "group".into(), key: limit_key(n).to_string().into(), max: MAX_AT_ONCE })
            .into_iter()
            .collect(),
        first: Some(n.to_string().as_bytes().into()),
        ..entry(&format!("run-{n}"))
    })
}

/// Queues all runs, however often it takes.
async fn put_all(queue: &RedisQueue, oracle: &Oracle) {
    for entry in entries() {
        loop {
            match queue.enqueue(&entry).await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), QueueErrorKind::Unavailable, "{error}: {error:?}"),
            }
        }
        oracle.queued(&entry.run);
    }
}

/// Every other handle goes through the proxy, if there is one.
async fn work(urls: &[String], oracle: &Arc<Oracle>, seed: u64, begin: impl FnOnce()) {
    let client = RedisSink::connect(&urls[0]).await.unwrap().queue();
    let mut workers = Vec::new();
    for n in 0..WORKERS {
        let queue = RedisSink::connect(&urls[n % urls.len()]).await.unwrap().queue();
        workers.push(Worker::new(n, queue, Arc::clone(oracle), seed));
    }
    // The trouble begins with the first answer: a sink that opens is to say at once what is wrong.
    begin();
    let tasks: Vec<_> =
        workers.into_iter().map(|mut worker| tokio::spawn(async move { worker.work().await })).collect();
    soon("the client", put_all(&client, oracle)).await;
    for task in tasks {
        soon("the workers", task).await.unwrap();
    }
}

/// Kills connections until it is told to stop, and calls `restart` after some parts of the work.
fn trouble(servers: &mut [RedisServer], oracle: &Oracle, stop: &AtomicBool, mut restarts: &[usize]) -> u64 {
    let (mut killed, mut done, mut kills) = (0, 0, 0_u64);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(KILL_INTERVAL);
        // Something must have come through, or on a slow machine nothing ever would.
        if oracle.answers() == done {
            continue;
        }
        done = oracle.answers();
        kills += 1;
        let kind = if kills.is_multiple_of(7) { "PUBSUB" } else { "NORMAL" };
        for server in &*servers {
            killed += server.command(&["CLIENT", "KILL", "TYPE", kind]).parse::<u64>().unwrap_or_default();
        }
        if restarts.first().is_some_and(|due| oracle.done() * 100 / RUNS >= *due) {
            restarts = &restarts[1..];
            servers[0].restart();
            servers[0].command(&["CONFIG", "SET", "appendfsync", "always"]);
        }
        if kills.is_multiple_of(50) {
            servers.iter().for_each(|server| drop(server.command(&["SCRIPT", "FLUSH"])));
        }
    }
    assert!(restarts.is_empty(), "Redis was to be killed more often");
    killed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_is_done_once_while_connections_and_servers_die() {
    let (seed, oracle, stop) = (seed(), Arc::new(Oracle::default()), Stop::default());
    let server = RedisServer::builder().option("appendonly", "yes").option("appendfsync", "always").start();
    let proxy = Proxy::start(server.port(), seed).await;
    let urls = [server.url(), proxy.url()];
    let troubled = {
        let (oracle, stop, mut servers) = (Arc::clone(&oracle), stop.0.clone(), [server]);
        tokio::task::spawn_blocking(move || {
            let killed = trouble(&mut servers, &oracle, &stop, &RESTARTS);
            (servers, killed)
        })
    };
    work(&urls, &oracle, seed, || proxy.lose_one_in(LOSES_ONE_IN)).await;
    drop(stop);
    let (servers, killed) = troubled.await.unwrap();
    println!("{oracle} killed {killed}, replies lost {}", proxy.lost());
    assert!(killed > 100 && proxy.lost() > 10, "there was to be more trouble");
    oracle.judge(RUNS);
    assert_empty(&servers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_is_done_once_while_connections_to_a_cluster_die() {
    let (seed, oracle, stop) = (seed(), Arc::new(Oracle::default()), Stop::default());
    let cluster = RedisCluster::start();
    let urls = [cluster.url()];
    let killing = {
        let (oracle, stop) = (Arc::clone(&oracle), stop.0.clone());
        tokio::task::spawn_blocking(move || kill_on(&cluster, &oracle, &stop).then_some(cluster))
    };
    work(&urls, &oracle, seed, || {}).await;
    drop(stop);
    let cluster = killing.await.unwrap().expect("something was killed");
    println!("{oracle}");
    oracle.judge(RUNS);
    assert_empty(cluster.nodes());
}

fn kill_on(cluster: &RedisCluster, oracle: &Oracle, stop: &AtomicBool) -> bool {
    let (mut killed, mut answers, mut kills) = (0, 0, 0_u64);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(KILL_INTERVAL * 5);
        if oracle.answers() == answers {
            continue;
        }
        (answers, kills) = (oracle.answers(), kills + 1);
        let kind = if kills.is_multiple_of(7) { "PUBSUB" } else { "NORMAL" };
        for node in cluster.nodes() {
            killed += node.command(&["CLIENT", "KILL", "TYPE", kind]).parse::<u64>().unwrap_or_default();
        }
    }
    println!("killed {killed}");
    killed > 20
}
