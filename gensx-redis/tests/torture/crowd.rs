//! Ten thousand readers at once of runs that are written meanwhile, each cut at random, over connections that are killed.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use gensx_core::{EventId, EventSink, RunId, sink::Append};
use gensx_test_servers::RedisServer;

use crate::{
    RUNS, connect,
    events::{next, opening, soon, text},
    judge_readers,
    oracle::{self, Stream},
    read,
    reader::{Reader, Sittings},
    runs, seed,
};

const CROWD: usize = 10_000;
/// Batches of each run. What listens is killed after each round of them.
const ROUNDS: u64 = 12;
/// The most events of a batch.
const MAX_EVENTS: usize = 9;
/// Sinks that the crowd reads through, as many processes would.
const READING: usize = 2;

/// A round of batches, one for each run.
async fn write_round(sink: &Arc<dyn EventSink>, last: &mut [(RunId, EventId)], dice: &mut fastrand::Rng) {
    for (run, last) in last {
        let events = (0..dice.usize(1..=MAX_EVENTS)).map(|n| text(&format!("{last}-{n}"))).collect();
        let batch = next(run, EventId::new(last.epoch, last.seq + 1), events);
        let answer = soon("an append", async {
            loop {
                if let Ok(answer) = sink.append(&batch).await {
                    return answer;
                }
            }
        })
        .await;
        assert!(matches!(answer, Append::Done | Append::Duplicate), "{answer:?}");
        *last = EventId::new(last.epoch, batch.last_seq());
    }
}

/// Waits until every sink of the crowd listens (again).
async fn heard(server: &RedisServer) {
    let listening = format!("\n{READING}");
    soon("the crowd's connections", async {
        while !server.command(&["PUBSUB", "NUMSUB", "gensx:{run-0}:n"]).ends_with(&listening) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_readers_see_exactly_the_streams() {
    let (seed, runs) = (seed(), runs());
    let mut dice = fastrand::Rng::with_seed(seed);
    let server = RedisServer::start();
    let writing = connect(&server.url()).await;
    let mut last = Vec::new();
    for run in &*runs {
        assert_eq!(writing.append(&opening(run, vec![text("first")])).await.unwrap(), Append::Done);
        last.push((run.clone(), EventId::new(1, 1)));
    }
    let mut reading = Vec::new();
    for _ in 0..READING {
        reading.push(connect(&server.url()).await);
    }
    let sittings = Arc::new(Sittings::default());
    let reader = |n: usize| Reader {
        sink: Arc::clone(&reading[n / RUNS % READING]),
        run: runs[n % RUNS].clone(),
        seen: Vec::new(),
        sittings: Arc::clone(&sittings),
        dice: fastrand::Rng::with_seed(seed + n as u64),
    };
    let tasks = read((0..CROWD).map(reader).collect());
    soon("the crowd", async {
        while sittings.begun.load(Ordering::Relaxed) < CROWD as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;

    let mut killed = 0;
    for _ in 0..ROUNDS {
        heard(&server).await;
        write_round(&writing, &mut last, &mut dice).await;
        for kind in ["PUBSUB", "NORMAL"] {
            killed += server.command(&["CLIENT", "KILL", "TYPE", kind]).parse::<u64>().unwrap();
        }
    }

    let streams: HashMap<RunId, Stream> = oracle::end(&writing, &runs).await;
    for (run, last) in &last {
        assert_eq!(streams[run].len() as u64, last.seq + 1, "what was written, and the end");
    }
    judge_readers(tasks, &streams).await;
    println!("{sittings:?} killed {killed}, events {}", streams.values().map(Vec::len).sum::<usize>());
    assert!(killed >= ROUNDS * READING as u64, "{killed} connections were killed");
    assert!(sittings.begun.load(Ordering::Relaxed) > 2 * CROWD as u64, "each is cut more than once");
    assert_eq!(sittings.gone.load(Ordering::Relaxed), 0);
}
