//! What the server's memory holds of runs.

use gensx::{Durability, Runtime, component, sink::MAX_PAGE};

use super::Bench;
use crate::{
    chain::chain,
    measure::{Row, one_worker},
};

const RUNS: u64 = 2_000;
const STEPS: u32 = 10_000;

#[component]
async fn greet(name: String) -> gensx::Result<String> {
    Ok(format!("hello, {name}"))
}

/// Bytes for each event of a long run over its JSON, and for each small run that has ended.
pub fn memory() -> Vec<Row> {
    one_worker().block_on(async {
        let bench = Bench::start().await;
        let strict = Runtime::builder().shared_sink(bench.sink.clone()).build();
        let pipelined =
            Runtime::builder().shared_sink(bench.sink.clone()).durability(Durability::Pipelined).build();
        // What the first run sets up stays: scripts, lists, buffers.
        strict.run(&greet, "world".to_owned()).await.unwrap();
        let step_by_step = over_payload(&bench, &strict).await;
        let in_batches = over_payload(&bench, &pipelined).await;
        let before = bench.plain.used_bytes().await;
        let mut payload = 0;
        for n in 0..RUNS {
            let run = strict.start(&greet, format!("number {n}")).await.unwrap();
            run.output().await.unwrap();
            let events = bench.sink.read(run.id(), 0, MAX_PAGE).await.unwrap();
            payload += events.iter().map(|entry| entry.payload.len() as u64).sum::<u64>();
        }
        let ended = (bench.plain.used_bytes().await - before) / RUNS;
        vec![
            Row {
                what: "memory of Redis per event".to_owned(),
                gensx: format!("{step_by_step} bytes over its JSON, strict"),
                baseline: format!("{in_batches} bytes, pipelined"),
                answer: format!("{step_by_step} bytes"),
                goal: "at most 60 bytes",
            },
            Row {
                what: "memory of Redis per ended run of one call".to_owned(),
                gensx: format!("{ended} bytes, its places in lists included"),
                baseline: format!("{} bytes of JSON", payload / RUNS),
                answer: format!("{:.2} KB", ended as f64 / 1e3),
                goal: "at most 1.5 KB",
            },
        ]
    })
}

async fn over_payload(bench: &Bench, runtime: &Runtime) -> u64 {
    let before = bench.plain.used_bytes().await;
    let run = runtime.start(&chain, STEPS).await.unwrap();
    run.output().await.unwrap();
    let used = bench.plain.used_bytes().await - before;
    let (mut after, mut bytes) = (0, 0);
    loop {
        let page = bench.sink.read(run.id(), after, MAX_PAGE).await.unwrap();
        let Some(last) = page.last() else { return (used - bytes) / after };
        after = last.id.seq;
        bytes += page.iter().map(|entry| entry.payload.len() as u64).sum::<u64>();
    }
}
