//! Many writers and readers over a Redis that is killed, cut off, and replaced by a replica that lacks a part. What was
//! acknowledged is known from the writers' own ledgers, not from a second read.
//!
//! `GENSX_TORTURE_SEED=N` repeats the dice of a failure.

#[path = "torture/cluster.rs"]
mod cluster;
#[path = "torture/crowd.rs"]
mod crowd;
#[path = "support/events.rs"]
mod events;
#[path = "torture/oracle.rs"]
mod oracle;
#[path = "torture/reader.rs"]
mod reader;
#[path = "torture/silence.rs"]
mod silence;
#[path = "torture/writer.rs"]
mod writer;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use gensx_core::{EventSink, RunId};
use gensx_redis::RedisSink;
use gensx_test_servers::{Proxy, RedisServer};

use self::{
    events::{run_id, soon},
    oracle::Stream,
    reader::{Reader, Sittings},
    writer::{Answers, Writer},
};

const RUNS: usize = 8;
const WRITERS: usize = 16;
/// Batches that each writer has acknowledged in the end.
const BATCHES: usize = 80;
/// Readers that read while it is written.
const READERS: usize = 160;
/// Sittings of all readers together.
const SITTINGS: u64 = 10_000;
/// Between two kills of connections, if anything was acknowledged meanwhile.
const KILL_INTERVAL: Duration = Duration::from_millis(3);
/// Every so many kills those that listen are killed.
const KILLS_PER_LISTENER: u64 = 7;
/// After which parts of the work, in percent, Redis is killed and started again.
const RESTARTS: [u64; 3] = [25, 50, 75];
/// One in so many replies is lost.
const LOSES_ONE_IN: u64 = 150;
/// The most connections that a sink makes before one of them breaks: for requests, to listen, and one of the runtime's own.
const CONNECTIONS_PER_SINK: u64 = 3;

fn seed() -> u64 {
    let given = std::env::var("GENSX_TORTURE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("GENSX_TORTURE_SEED={seed}");
    seed
}

fn runs() -> Arc<[RunId]> {
    (0..RUNS).map(|n| run_id(&format!("run-{n}"))).collect()
}

async fn connect(url: &str) -> Arc<dyn EventSink> {
    Arc::new(RedisSink::connect(url).await.unwrap())
}

/// Some sinks through the proxy, and as many without it.
async fn sinks(server: &RedisServer, proxy: &Proxy) -> Vec<Arc<dyn EventSink>> {
    let urls = [server.url(), proxy.url(), server.url(), proxy.url()];
    let mut sinks = Vec::new();
    for url in urls {
        sinks.push(connect(&url).await);
    }
    sinks
}

fn writers(
    sinks: &[Arc<dyn EventSink>],
    runs: &Arc<[RunId]>,
    answers: &Arc<Answers>,
    seed: u64,
) -> Vec<Writer> {
    let sink = |n: usize| Arc::clone(&sinks[n % sinks.len()]);
    (0..WRITERS).map(|n| Writer::new(n, sink(n), Arc::clone(runs), Arc::clone(answers), seed)).collect()
}

/// All of them at once, until each has so many more batches acknowledged.
async fn write(writers: Vec<Writer>, batches: usize) -> Vec<Writer> {
    let write = |mut writer: Writer| {
        tokio::spawn(async move {
            writer.write(batches).await;
            writer
        })
    };
    let tasks: Vec<_> = writers.into_iter().map(write).collect();
    let mut writers = Vec::new();
    for task in tasks {
        writers.push(soon("the writers", task).await.unwrap());
    }
    writers
}

/// Kills connections, and now and then the server, until it is told to stop.
fn trouble(mut server: RedisServer, answers: &Answers, stop: &AtomicBool) -> (RedisServer, u64) {
    let (mut killed, mut acknowledged, mut restarts) = (0, 0, RESTARTS.iter().peekable());
    for kill in 1.. {
        // Something must have come through, or on a slow machine nothing ever would.
        while answers.done.load(Ordering::Relaxed) == acknowledged {
            if stop.load(Ordering::Relaxed) {
                assert_eq!(restarts.len(), 0, "Redis was to be killed more often");
                return (server, killed);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        acknowledged = answers.done.load(Ordering::Relaxed);
        let kind = if kill % KILLS_PER_LISTENER == 0 { "PUBSUB" } else { "NORMAL" };
        killed += server.command(&["CLIENT", "KILL", "TYPE", kind]).parse::<u64>().unwrap();
        let percent = acknowledged * 100 / (WRITERS * BATCHES) as u64;
        if restarts.next_if(|due| percent >= **due).is_some() {
            server.restart();
            let sync = if restarts.len() % 2 == 0 { "always" } else { "everysec" };
            server.command(&["CONFIG", "SET", "appendfsync", sync]);
        }
        std::thread::sleep(KILL_INTERVAL);
    }
    unreachable!("it is told to stop")
}

fn readers(sinks: &[Arc<dyn EventSink>], runs: &[RunId], sittings: &Arc<Sittings>, seed: u64) -> Vec<Reader> {
    let reader = |n: usize| Reader {
        sink: Arc::clone(&sinks[n / RUNS % sinks.len()]),
        run: runs[n % RUNS].clone(),
        seen: Vec::new(),
        sittings: Arc::clone(sittings),
        dice: fastrand::Rng::with_seed(seed + n as u64),
    };
    (0..READERS).map(reader).collect()
}

async fn judge_readers(tasks: Vec<tokio::task::JoinHandle<Reader>>, streams: &HashMap<RunId, Stream>) {
    for task in tasks {
        let reader = soon("the readers", task).await.unwrap();
        assert!(reader.seen == streams[&reader.run], "run `{}` was read as another stream", reader.run);
    }
}

fn read(readers: Vec<Reader>) -> Vec<tokio::task::JoinHandle<Reader>> {
    let read = |mut reader: Reader| {
        tokio::spawn(async move {
            reader.read_all().await;
            reader
        })
    };
    readers.into_iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_while_connections_and_servers_die() {
    let (seed, runs) = (seed(), runs());
    let server = RedisServer::builder().option("appendonly", "yes").option("appendfsync", "always").start();
    let proxy = Proxy::start(server.port(), seed).await;
    let (writing, reading) = (sinks(&server, &proxy).await, sinks(&server, &proxy).await);
    // Every other sink goes through the proxy.
    let first_connections = (writing.len() + reading.len()) as u64 / 2 * CONNECTIONS_PER_SINK;
    let (answers, sittings) = (Arc::new(Answers::default()), Arc::new(Sittings::default()));
    let tasks = read(readers(&reading, &runs, &sittings, seed));
    proxy.lose_one_in(LOSES_ONE_IN);
    let stop = Arc::new(AtomicBool::new(false));
    let troubled = {
        let (answers, stop) = (Arc::clone(&answers), Arc::clone(&stop));
        tokio::task::spawn_blocking(move || trouble(server, &answers, &stop))
    };

    let writers = write(writers(&writing, &runs, &answers, seed), BATCHES).await;
    stop.store(true, Ordering::Relaxed);
    let (server, killed) = troubled.await.unwrap();
    proxy.lose_one_in(0);

    let streams = oracle::end(&writing[0], &runs).await;
    assert_eq!(oracle::judge(&streams, &writers), 0, "acknowledged, and lost");
    oracle::judge_owners(&streams, &writers);
    judge_readers(tasks, &streams).await;
    while sittings.begun.load(Ordering::Relaxed) < SITTINGS {
        judge_readers(read(readers(&reading, &runs, &sittings, fastrand::u64(..1_000))), &streams).await;
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{answers:?} {sittings:?} killed {killed}, replies lost {}, connections {}",
        proxy.lost(),
        proxy.connections()
    );
    assert!(count(&answers.fenced) > 0 && count(&answers.duplicate) > 0 && killed > 0 && proxy.lost() > 0);
    assert!(proxy.connections() > first_connections, "nothing was connected again");
    assert_eq!((count(&answers.lost), count(&sittings.gone)), (0, 0));
    drop(server);
}

/// A tail reader of each run: it sees what its last owner was acknowledged.
async fn see_all(readers: &mut [Reader], sink: &Arc<dyn EventSink>) {
    for reader in readers {
        let last = sink.head(&reader.run).await.unwrap().expect("it was written").last;
        soon("a reader", reader.read_to(last)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_promoted_replica_never_had_is_reported_as_lost() {
    let (seed, runs) = (seed(), runs());
    let mut master = RedisServer::start();
    let address = format!("127.0.0.1 {}", master.port());
    let replica =
        RedisServer::builder().option("replicaof", &address).option("repl-diskless-sync-delay", "0").start();
    let proxy = Proxy::start(master.port(), seed).await;
    let (mut writing, mut reading) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        writing.push(connect(&proxy.url()).await);
        reading.push(connect(&proxy.url()).await);
    }
    let (answers, sittings) = (Arc::new(Answers::default()), Arc::new(Sittings::default()));
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let writers = write(writers(&writing, &runs, &answers, seed), BATCHES / 4).await;
    wait_for_replica(&master, &replica).await;
    // It hears of nothing more, and will be the master.
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    let writers = write(writers, BATCHES / 4).await;
    let mut tails = readers(&reading, &runs, &sittings, seed);
    tails.truncate(RUNS);
    see_all(&mut tails, &writing[0]).await;
    let seen: HashMap<RunId, Stream> =
        tails.iter().map(|reader| (reader.run.clone(), reader.seen.clone())).collect();
    let owned: Vec<_> = writers.iter().map(|writer| (writer.owns.clone(), writer.told.len())).collect();
    assert_eq!((count(&answers.lost), count(&sittings.gone)), (0, 0));
    // From now on they wait for more, and are told that there is less.
    let tails = read(tails);

    proxy.point_at(replica.port());
    master.kill();
    let writers = write(writers, BATCHES / 4).await;

    let streams = oracle::end(&writing[0], &runs).await;
    assert!(oracle::judge(&streams, &writers) > 0, "the test is to lose something");
    oracle::judge_owners(&streams, &writers);
    for (writer, (owned, told)) in writers.iter().zip(owned) {
        let Some((run, last)) = owned else { continue };
        if !streams[&run].iter().any(|(id, _)| *id == last) {
            assert!(writer.told[told..].contains(&run), "nobody said that {last} of `{run}` is lost");
        }
    }
    judge_readers(tails, &streams).await;
    judge_readers(read(readers(&reading, &runs, &sittings, seed)), &streams).await;
    println!("{answers:?} {sittings:?}");
    let changed = runs.iter().filter(|run| !streams[*run].starts_with(&seen[*run])).count() as u64;
    assert!(changed > 0 && count(&sittings.gone) >= changed, "{changed} streams went back: {sittings:?}");
    assert!(count(&answers.lost) > 0 && count(&answers.fenced) > 0, "{answers:?}");
}

/// Until a replica has all that its master has.
async fn wait_for_replica(master: &RedisServer, replica: &RedisServer) {
    let offset = |server: &RedisServer, name: &str| {
        let info = server.command(&["INFO", "replication"]);
        let line = info.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.and_then(|offset| offset.trim().parse::<u64>().ok())
    };
    soon("the replica", async {
        while offset(replica, "slave_repl_offset:") != offset(master, "master_repl_offset:") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
