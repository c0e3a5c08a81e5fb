//! A fleet on Redis: runs that a client starts and a worker executes, over connections of their own as two processes have
//! them.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use gensx::{Client, RunId, Worker, component};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Bench, bulk::events_of};
use crate::{
    chain::chain,
    measure::{Row, median, micros, millis, one_worker, ratio, wall},
};

const ROUNDS: usize = 7;
const RUNS: usize = 1_000;
const STEPS_PER_RUN: u32 = 5;
const STARTS: usize = 300;
/// The lease of the worker that is killed.
const LEASE: Duration = Duration::from_secs(1);

/// When a component began last.
static BEGAN: Mutex<Option<Instant>> = Mutex::new(None);

#[component]
async fn begins(n: u32) -> gensx::Result<u32> {
    *BEGAN.lock().unwrap() = Some(Instant::now());
    Ok(n)
}

#[component]
async fn waits(n: u32) -> gensx::Result<u32> {
    begins(n).await?;
    gensx::input::<u32>("more", None).await
}

struct Working {
    stop: oneshot::Sender<()>,
    task: JoinHandle<gensx::Result<()>>,
}

impl Working {
    async fn begin(bench: &Bench) -> Self {
        let backend = gensx::backend_from_url(&bench.server.url()).await.unwrap();
        let worker = Worker::builder(backend)
            .register(&chain)
            .register(&begins)
            .register(&waits)
            .concurrency(RUNS)
            .lease(LEASE)
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move { worker.run_until(async { drop(stopped.await) }).await });
        Self { stop, task }
    }

    async fn end(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }
}

/// Throughput, the wait of a run that nothing stands in the way of, and the wait for a worker that died.
pub fn fleet() -> Vec<Row> {
    one_worker().block_on(async {
        let bench = Bench::start().await;
        let client = Client::new(gensx::backend_from_url(&bench.server.url()).await.unwrap());
        vec![
            bulk(&bench, &client).await,
            first_component(&bench, &client).await,
            recovery(&bench, &client).await,
        ]
    })
}

async fn bulk(bench: &Bench, client: &Client) -> Row {
    let working = Working::begin(bench).await;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, runs) = wall(join_all((0..RUNS).map(|_| run_to_end(client)))).await;
        ours.push(took);
        let entries = events_of(&bench.sink, &runs).await;
        plain.push(wall(bench.plain.add_all(&entries)).await.0);
    }
    working.end().await;
    Row {
        what: format!("{RUNS} runs of {STEPS_PER_RUN} strict steps by a client and a worker, Redis"),
        gensx: millis(median(ours.clone())),
        baseline: format!("{} (its events by `XADD` in pipelines)", millis(median(plain.clone()))),
        answer: format!("{:.2} of its throughput", ratio(&plain, &ours)),
        goal: "at least 0.5",
    }
}

async fn run_to_end(client: &Client) -> RunId {
    let run = client.start("chain", &STEPS_PER_RUN).await.unwrap();
    run.output::<u32>().await.unwrap();
    run.id().clone()
}

/// From the call of `start` to when the body runs, with an idle worker.
async fn first_component(bench: &Bench, client: &Client) -> Row {
    let working = Working::begin(bench).await;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for n in 0..STARTS {
        let started = Instant::now();
        let run = client.start("begins", &0).await.unwrap();
        run.output::<u32>().await.unwrap();
        let began = BEGAN.lock().unwrap().take().unwrap();
        ours.push(began.saturating_duration_since(started));
        plain.push(wall(bench.plain.add(&format!("plain:{n}"), b"{}")).await.0);
    }
    working.end().await;
    Row {
        what: "from a client's start to the first component, an idle worker, Redis, median".to_owned(),
        gensx: micros(median(ours.clone())),
        baseline: format!("{} (an awaited `XADD`)", micros(median(plain.clone()))),
        answer: format!("{:.1} times", ratio(&ours, &plain)),
        goal: "under 5 ms",
    }
}

/// From the death of a worker, which no one is told of, to when another one goes on with its run.
async fn recovery(bench: &Bench, client: &Client) -> Row {
    let mut waits = Vec::new();
    for _ in 0..ROUNDS {
        let dies = Working::begin(bench).await;
        let run = client.start("waits", &0).await.unwrap();
        let mut events = run.events();
        while !matches!(events.next().await.unwrap().unwrap().kind, gensx::EventKind::InputRequested { .. }) {
        }
        dies.task.abort();
        let died = Instant::now();
        let lives = Working::begin(bench).await;
        while !matches!(events.next().await.unwrap().unwrap().kind, gensx::EventKind::RunClaimed { .. }) {}
        waits.push(died.elapsed());
        client.send(run.id(), "more", &1, None).await.unwrap();
        run.output::<u32>().await.unwrap();
        lives.end().await;
    }
    let waited = median(waits);
    Row {
        what: "from a worker's death to when its run goes on, Redis".to_owned(),
        gensx: millis(waited),
        baseline: format!("{} (the lease)", millis(LEASE)),
        answer: format!("{:.2} times", waited.as_secs_f64() / LEASE.as_secs_f64()),
        goal: "lease and 1 s",
    }
}
