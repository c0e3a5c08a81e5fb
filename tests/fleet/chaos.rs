//! Many runs, and workers that die and drain at random: every run ends once, with the right output.

use std::time::Duration;

use futures_util::future::try_join_all;
use gensx::{Backend, EventKind, RunHandle, RunStatus, Worker, component, event::Outcome};

use super::support::{Working, bounded, client, did, events, fresh, over_backends, times, until_empty};

over_backends!(many_runs_outlive_their_workers);

const RUNS: u32 = 200;
const WORKERS: usize = 4;
const SEED: u64 = 0x0067_656e_7378;

/// Gives the number of its execution: if it ran again after it was recorded, the record is not the last one's.
#[component]
async fn leaf(name: String, run: u32, n: u32) -> gensx::Result<u32> {
    let executed = did(&format!("{name}/{run}/{n}"));
    tokio::time::sleep(Duration::from_millis(u64::from((run * 7 + n * 13) % 40))).await;
    Ok(executed)
}

#[component]
async fn branch(name: String, run: u32) -> gensx::Result<u32> {
    let both = try_join_all([1, 2].map(|n| leaf(name.clone(), run, n))).await?;
    let last = leaf(name, run, 3).await?;
    Ok(u32::from(both.iter().all(|n| *n > 0)) + last.min(1))
}

#[component]
async fn tree(input: (String, u32)) -> gensx::Result<u32> {
    let (name, run) = input;
    let first = leaf(name.clone(), run, 0).await?.min(1);
    Ok(run * 10 + first + branch(name, run).await?)
}

async fn many_runs_outlive_their_workers(backend: Backend) {
    let (client, name) = (client(&backend), fresh("chaos"));
    let mut random = fastrand::Rng::with_seed(SEED);
    let builder = || {
        let builder = Worker::builder(backend.clone()).register(&tree).concurrency(12).max_claims(1_000);
        builder.lease(Duration::from_millis(400)).drain_deadline(Duration::from_millis(30))
    };
    let mut workers: Vec<Working> = (0..WORKERS).map(|_| Working::begin(builder())).collect();
    let mut runs = Vec::new();
    for n in 0..RUNS {
        runs.push(client.start("tree", &(&name, n)).await.unwrap());
        if n % 10 == 0 {
            // One dies or drains, and another comes in its place, while runs are started.
            let gone = std::mem::replace(&mut workers[random.usize(..WORKERS)], Working::begin(builder()));
            if random.bool() { gone.kill().await } else { gone.drain().await }
        }
    }
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(random.u64(5..60))).await;
        let gone = std::mem::replace(&mut workers[random.usize(..WORKERS)], Working::begin(builder()));
        if random.bool() { gone.kill().await } else { gone.drain().await }
    }
    for (n, run) in (0..).zip(&runs) {
        assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), n * 10 + 3, "seed {SEED}");
        ended_once(&client, &name, n, run).await;
    }
    until_empty(&client).await;
    assert_eq!(client.stats().await.unwrap().dead, 0);
    for worker in workers {
        worker.drain().await;
    }
}

/// The stream is dense, its epochs do not go back, it ends once; and nothing that it records ran after it was recorded.
async fn ended_once(client: &gensx::Client, name: &str, n: u32, run: &RunHandle) {
    assert_eq!(run.status().await.unwrap(), RunStatus::Succeeded);
    let events = events(client, run.id()).await;
    let mut leaves = std::collections::HashMap::new();
    for (at, event) in (1..).zip(&events) {
        assert_eq!(event.id.seq, at);
        assert_eq!(event.is_last(), at == events.len() as u64);
        match &event.kind {
            EventKind::Started { inputs: Some(inputs), name, .. } if name == "leaf" => {
                let inputs: serde_json::Value = serde_json::from_str(inputs.get()).unwrap();
                leaves.insert(event.call, inputs["n"].as_u64().unwrap());
            }
            EventKind::Ended { outcome: Outcome::Output { json, .. } } => {
                if let Some(leaf) = leaves.remove(&event.call) {
                    let executed: u32 = json.get().parse().unwrap();
                    assert_eq!(times(&format!("{name}/{n}/{leaf}")), executed, "leaf {leaf} ran again");
                }
            }
            _ => {}
        }
    }
    assert!(events.windows(2).all(|two| two[0].id.epoch <= two[1].id.epoch));
    assert!(leaves.is_empty(), "{leaves:?}");
}
