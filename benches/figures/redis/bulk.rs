//! As much as the server takes: many runs at once, and one run that waits for nothing.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use gensx::{
    Durability, EventSink, RunId, Runtime,
    sink::{MAX_PAGE, Payload},
};

use super::Bench;
use crate::{
    chain::chain,
    measure::{Row, median, millis, one_worker, ratio, wall},
};

const ROUNDS: usize = 9;
const RUNS: usize = 1_000;
const STEPS_PER_RUN: u32 = 5;
const STEPS_OF_ONE: u32 = 20_000;

/// Runs against `XADD`s of the same events, in pipelines.
pub fn bulk() -> Vec<Row> {
    one_worker().block_on(async {
        let bench = Bench::start().await;
        let strict = Runtime::builder().shared_sink(Arc::clone(&bench.sink)).build();
        let pipelined =
            Runtime::builder().shared_sink(Arc::clone(&bench.sink)).durability(Durability::Pipelined).build();
        let many = format!("{RUNS} runs of {STEPS_PER_RUN} strict steps at once, Redis");
        let one = format!("a run of {STEPS_OF_ONE} pipelined steps, Redis");
        vec![
            compare(&bench, many, async || run_many(&strict).await).await,
            compare(&bench, one, async || vec![run_to_end(&pipelined, STEPS_OF_ONE).await]).await,
        ]
    })
}

async fn compare(bench: &Bench, what: String, work: impl AsyncFn() -> Vec<RunId>) -> Row {
    let (mut ours, mut plain): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, runs) = wall(work()).await;
        ours.push(took);
        let entries = events_of(&bench.sink, &runs).await;
        plain.push(wall(bench.plain.add_all(&entries)).await.0);
        // The server is to be as full in each round.
        bench.server.command(&["FLUSHALL"]);
    }
    Row {
        what,
        gensx: millis(median(ours.clone())),
        baseline: format!("{} (its events by `XADD` in pipelines)", millis(median(plain.clone()))),
        answer: format!("{:.2} of its throughput", ratio(&plain, &ours)),
        goal: "at least 0.5",
    }
}

async fn run_many(runtime: &Runtime) -> Vec<RunId> {
    join_all((0..RUNS).map(|_| run_to_end(runtime, STEPS_PER_RUN))).await
}

async fn run_to_end(runtime: &Runtime, steps: u32) -> RunId {
    let run = runtime.start(&chain, steps).await.unwrap();
    run.output().await.unwrap();
    run.id().clone()
}

/// The events of some runs, each with the name of a stream for the baseline.
pub(super) async fn events_of(sink: &Arc<dyn EventSink>, runs: &[RunId]) -> Vec<(String, Payload)> {
    let mut events = Vec::new();
    for run in runs {
        let (key, mut after) = (format!("plain:{run}"), 0);
        loop {
            let page = sink.read(run, after, MAX_PAGE).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.id.seq;
            events.extend(page.into_iter().map(|entry| (key.clone(), entry.payload)));
        }
    }
    events
}
