//! A Redis whose replica takes over while it lags: starts, leases and the tails of streams are lost, and every run still ends
//! once.

use std::time::Duration;

use futures_util::future::join_all;
use gensx::{Client, ErrorKind, Event, RunHandle, RunId, Worker, component};
use gensx_test_servers::{RedisSentinel, RedisServer};

use super::support::{SHORT_LEASE, Working, bounded, client, did, events, fresh, times, until, until_empty};

const RUNS: u32 = 40;
/// Those of them that are started when the replica hears nothing more.
const LATE: u32 = 10;
/// What is done before the replica is cut off, and what is done while it is, in hops.
const HOPS: u32 = 20;

#[component]
async fn hop(name: &str, run: u32, n: u32) -> gensx::Result<u32> {
    did(name);
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(run * 10 + n)
}

#[component]
async fn travels((name, run): (String, u32)) -> gensx::Result<Vec<u32>> {
    let mut hops = Vec::new();
    for n in 0..3 {
        hops.push(hop(&name, run, n).await?);
    }
    Ok(hops)
}

/// However often it takes: the same id is the same run.
async fn start(client: &Client, name: &str, run: u32) -> RunHandle {
    let id: RunId = format!("run-{run}").parse().unwrap();
    loop {
        match client.start("travels", &(name, run)).id(id.clone()).await {
            Ok(handle) => return handle,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Sink, "{error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// From now on it follows no more, and counts as a replica all the same: its master refuses the password.
fn cut_off(master: &RedisServer, replica: &RedisServer) {
    replica.command(&["CONFIG", "SET", "masterauth", "refused"]);
    master.command(&["CLIENT", "KILL", "TYPE", "replica"]);
}

fn keys(server: &RedisServer) -> u32 {
    server.command(&["DBSIZE"]).parse().unwrap()
}

fn unix_ms() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn json(events: &[Event]) -> Vec<String> {
    events.iter().map(Event::to_json).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failover_lost_is_done_again_and_every_run_ends_once() {
    let mut servers = tokio::task::spawn_blocking(RedisSentinel::start).await.unwrap();
    let backend = gensx::backend_from_url(&servers.url()).await.unwrap();
    let (client, name) = (client(&backend), fresh("failover"));
    let worker = || {
        let worker = Worker::builder(backend.clone()).register(&travels).lease(SHORT_LEASE);
        worker.concurrency(8).heal_every(SHORT_LEASE).max_claims(1_000)
    };
    let working = [(); 2].map(|()| Working::begin(worker()));
    let mut readers = Vec::new();
    for run in 0..RUNS - LATE {
        let events = client.events(start(&client, &name, run).await.id(), None);
        readers.push(tokio::spawn(events.collect()));
    }
    until("some hops", || async { times(&name) >= HOPS }).await;

    let [master, replica] = servers.servers();
    cut_off(master, replica);
    for run in RUNS - LATE..RUNS {
        start(&client, &name, run).await;
    }
    let before = times(&name);
    until("hops that the replica does not hear of", || async { times(&name) >= before + HOPS }).await;
    assert!(keys(master) > keys(replica), "the replica was to lag");
    master.kill();
    let killed_ms = unix_ms();

    // A start that was lost with the rest is made up for by whoever asked for it.
    let again = join_all((0..RUNS).map(|run| start(&client, &name, run)));
    let runs = bounded("the failover", again).await;
    for (n, run) in (0..RUNS).zip(&runs) {
        let output = bounded("the output", run.output::<Vec<u32>>()).await.unwrap();
        assert_eq!(output, [n * 10, n * 10 + 1, n * 10 + 2]);
        let events = events(&client, run.id()).await;
        assert!(events.iter().zip(1..).all(|(event, seq)| event.id.seq == seq), "{events:#?}");
        assert!(events.is_sorted_by_key(|event| event.id.epoch), "{events:#?}");
        assert_eq!(events.iter().filter(|event| event.is_last()).count(), 1, "{events:#?}");
    }
    assert!(times(&name) > RUNS * 3, "nothing that was done was lost");
    let mut told = 0;
    for (run, reader) in runs.iter().zip(readers) {
        match bounded("the reader", reader).await.unwrap() {
            // One that had come to the end reads no more: nobody can tell it that the end was lost.
            Ok(read) if read.last().is_some_and(|last| last.time_ms <= killed_ms) => {}
            Ok(read) => assert_eq!(json(&read), json(&events(&client, run.id()).await)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Gone, "{error:#}");
                told += 1;
            }
        }
    }
    assert!(told > 0, "no reader had seen what was lost");
    until_empty(&client).await;
    for one in working {
        one.drain().await;
    }
}
