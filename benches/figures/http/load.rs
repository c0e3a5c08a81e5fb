//! Very many open readers of live runs in one process, on Redis.

use std::{process::Command, sync::Arc, time::Duration};

use gensx::{EventSink, MemorySink, RedisSink, RunId, Runtime};
use gensx_test_servers::RedisServer;
use tokio::time::MissedTickBehavior;

use super::{
    append, event,
    fan_out::plain,
    readers::{Readers, Report, Task},
    run_of, serve, two_workers,
};
use crate::{idle::resident_bytes, measure::Row};

const READERS: usize = 10_000;
const EVENTS: usize = 10_000;
const EVENTS_PER_SECOND: u32 = 1_000;

/// How late events come, and what a reader holds.
pub fn load() -> Vec<Row> {
    let late = [1_000, 100].into_iter().map(|runs| two_workers().block_on(case(runs)));
    std::iter::once(held()).chain(late).collect()
}

/// The argument under which this program measures what idle readers hold, in a process of its own: memory that was freed before
/// would be used again and hide what is needed.
pub const CHILD: &str = "--http-held";

/// What an idle reader holds, against one of a bare handler: the rest is the connection's.
fn held() -> Row {
    let measure = |what: &str| -> f64 {
        let output = Command::new(std::env::current_exe().unwrap()).args([CHILD, what]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() / 1024.0
    };
    let (gensx, bare) = (measure("gensx"), measure("bare"));
    Row {
        what: format!("memory per idle reader of {READERS}, memory, HTTP"),
        gensx: format!("{gensx:.1} KiB"),
        baseline: format!("{bare:.1} KiB (a bare axum SSE handler)"),
        answer: format!("{:.1} KiB more", gensx - bare),
        goal: "under 16 KiB",
    }
}

/// The child: prints bytes per reader.
pub fn child(what: &str) {
    two_workers().block_on(async {
        let sink: Arc<dyn EventSink> = Arc::new(MemorySink::new());
        append(&sink, &run_of(0), 1, vec![br#"{"v":1,"type":"timer.fired","time":0}"#.as_slice().into()])
            .await;
        let (bare, _open) = plain();
        let address = match what {
            "bare" => serve(bare).await,
            _ => serve(gensx::http::router(Runtime::builder().shared_sink(sink).build())).await,
        };
        let before = resident_bytes();
        let task = Task { address, readers: READERS, runs: 1, events: 1 };
        let readers = tokio::task::spawn_blocking(move || Readers::start(&task)).await.unwrap();
        let held = resident_bytes().saturating_sub(before) / READERS as u64;
        readers.stop();
        println!("{held}");
    });
}

async fn case(runs: usize) -> Row {
    let server = RedisServer::start();
    let sink = async || Arc::new(RedisSink::connect(&server.url()).await.unwrap()) as Arc<dyn EventSink>;
    let (writing, reading) = (sink().await, sink().await);
    let runtime = Runtime::builder().shared_sink(reading).build();
    let address = serve(gensx::http::router(runtime)).await;
    let ids: Vec<RunId> = (0..runs).map(run_of).collect();
    for run in &ids {
        append(&writing, run, 1, vec![br#"{"v":1,"type":"timer.fired","time":0}"#.as_slice().into()]).await;
    }
    let before = resident_bytes();
    let task = Task { address, readers: READERS, runs, events: EVENTS / runs };
    let readers = tokio::task::spawn_blocking(move || Readers::start(&task)).await.unwrap();
    let waiting = resident_bytes().saturating_sub(before) / READERS as u64;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / EVENTS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..EVENTS {
        ticks.tick().await;
        append(&writing, &ids[number % runs], 2 + (number / runs) as u64, vec![event()]).await;
    }
    let Report { p50_us, p99_us, .. } = tokio::task::spawn_blocking(|| readers.report()).await.unwrap();
    Row {
        what: format!(
            "an append until {READERS} readers of {runs} runs have it, {EVENTS_PER_SECOND} a second, Redis, HTTP"
        ),
        gensx: format!("p50 {:.1} ms, p99 {:.1} ms", p50_us as f64 / 1e3, p99_us as f64 / 1e3),
        baseline: format!("{} deliveries a second", EVENTS_PER_SECOND as usize * READERS / runs),
        answer: format!("{:.1} KiB a reader", waiting as f64 / 1024.0),
        goal: "p99 under 50 ms, under 16 KiB",
    }
}
