//! Runs that only wait leave their worker, and come back.

use std::time::Duration;

use gensx::{
    Backend, Client, EventKind, RunHandle, RunStatus, Worker, WorkerBuilder, component, queue::QueueState,
};

use super::support::{
    Working, bounded, client, did, events, fresh, over_backends, times, until, until_empty,
};

over_backends!(
    a_run_that_sleeps_leaves_its_worker_and_comes_back,
    a_message_brings_a_parked_run_back,
    a_parked_run_is_cancelled,
    the_delay_before_an_attempt_is_waited_for_without_a_worker,
    a_run_that_works_besides_stays,
    many_parked_runs_take_no_room,
);

/// How long runs wait in memory here.
const PARK_AFTER: Duration = Duration::from_millis(40);

#[component]
async fn note(what: String) -> gensx::Result<u32> {
    Ok(did(&what))
}

#[component]
async fn naps((name, nap_ms): (String, u64)) -> gensx::Result<String> {
    note(format!("{name} before")).await?;
    gensx::sleep(Duration::from_millis(nap_ms)).await?;
    note(format!("{name} after")).await?;
    Ok(name)
}

#[component]
async fn asks(name: String) -> gensx::Result<u64> {
    note(format!("{name} before")).await?;
    gensx::input("answer", None).await
}

#[component(retry(max_attempts = 2, initial = "700ms", jitter = false))]
async fn fails_once(name: String) -> gensx::Result<u32> {
    match did(&name) {
        1 => Err("the provider is down".into()),
        attempt => Ok(attempt),
    }
}

#[component]
async fn tries(name: String) -> gensx::Result<u32> {
    fails_once(name).await
}

#[component]
async fn works(name: String) -> gensx::Result<()> {
    did(&name);
    tokio::time::sleep(10 * PARK_AFTER).await;
    Ok(())
}

#[component]
async fn naps_and_works(name: String) -> gensx::Result<()> {
    let (nap, work) = tokio::join!(gensx::sleep(30 * PARK_AFTER), works(name));
    nap?;
    work
}

fn worker(backend: &Backend) -> WorkerBuilder {
    Worker::builder(backend.clone())
        .register(&naps)
        .register(&asks)
        .register(&tries)
        .register(&naps_and_works)
        .park_after(PARK_AFTER)
}

async fn parked(client: &Client, run: &RunHandle) {
    until("the run to be parked", || async {
        client.find(run.id()).await.unwrap().is_some_and(|found| found.state == QueueState::Parked)
    })
    .await;
}

async fn epochs(client: &Client, run: &RunHandle) -> usize {
    let claims = events(client, run.id()).await;
    claims.iter().filter(|event| matches!(event.kind, EventKind::RunClaimed { .. })).count()
}

async fn a_run_that_sleeps_leaves_its_worker_and_comes_back(backend: Backend) {
    let (client, name) = (client(&backend), fresh("naps"));
    let working = Working::begin(worker(&backend));
    let run = client.start("naps", &(&name, 800)).await.unwrap();
    parked(&client, &run).await;
    assert_eq!(times(&format!("{name} after")), 0);
    assert_eq!(bounded("the output", run.output::<String>()).await.unwrap(), name);
    assert_eq!((times(&format!("{name} before")), times(&format!("{name} after"))), (1, 1));
    assert_eq!(epochs(&client, &run).await, 2, "it was claimed once more, when it was due");
    until_empty(&client).await;
    working.drain().await;
}

async fn a_message_brings_a_parked_run_back(backend: Backend) {
    let (client, name) = (client(&backend), fresh("asks"));
    let first = Working::begin(worker(&backend));
    let run = client.start("asks", &name).await.unwrap();
    parked(&client, &run).await;
    first.drain().await;
    // Nobody has it, and another worker takes it.
    client.send(run.id(), "answer", &42, None).await.unwrap();
    let second = Working::begin(worker(&backend));
    assert_eq!(bounded("the output", run.output::<u64>()).await.unwrap(), 42);
    assert_eq!(times(&format!("{name} before")), 1);
    second.drain().await;
}

async fn a_parked_run_is_cancelled(backend: Backend) {
    let (client, name) = (client(&backend), fresh("cancelled"));
    let working = Working::begin(worker(&backend));
    let run = client.start("naps", &(&name, 3_600_000)).await.unwrap();
    parked(&client, &run).await;
    run.cancel().await.unwrap();
    until("the end", || async { run.status().await.unwrap() == RunStatus::Cancelled }).await;
    assert_eq!(times(&format!("{name} after")), 0);
    until_empty(&client).await;
    working.drain().await;
}

async fn the_delay_before_an_attempt_is_waited_for_without_a_worker(backend: Backend) {
    let (client, name) = (client(&backend), fresh("tries"));
    let working = Working::begin(worker(&backend));
    let run = client.start("tries", &name).await.unwrap();
    parked(&client, &run).await;
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 2);
    assert_eq!(times(&name), 2, "neither attempt was made again");
    working.drain().await;
}

async fn a_run_that_works_besides_stays(backend: Backend) {
    let (client, name) = (client(&backend), fresh("works"));
    let working = Working::begin(worker(&backend));
    let run = client.start("naps_and_works", &name).await.unwrap();
    // When the work is done, only the nap is left.
    parked(&client, &run).await;
    bounded("the output", run.output::<()>()).await.unwrap();
    assert_eq!(times(&name), 1, "the work was not dropped and done again");
    working.drain().await;
}

async fn many_parked_runs_take_no_room(backend: Backend) {
    const RUNS: u64 = 300;
    let client = client(&backend);
    // Room for few: the next ones begin as those before them leave.
    let working = Working::begin(worker(&backend).concurrency(8));
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(client.start("asks", &fresh("many")).await.unwrap());
    }
    until("all to be parked", || async { client.stats().await.unwrap().parked == RUNS }).await;
    for (n, run) in (0_u64..).zip(&runs) {
        client.send(run.id(), "answer", &n, None).await.unwrap();
    }
    for (n, run) in (0_u64..).zip(&runs) {
        assert_eq!(bounded("the output", run.output::<u64>()).await.unwrap(), n);
    }
    until_empty(&client).await;
    working.drain().await;
}
