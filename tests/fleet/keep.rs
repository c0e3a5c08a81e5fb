//! How long runs are kept after their end, set by who starts them.

use std::time::Duration;

use gensx::{Backend, Client, ErrorKind, EventKind, RunId, Runtime, Worker, component};

use super::support::{Working, bounded, client, events, over_backends, until, until_empty};

over_backends!(
    a_run_is_kept_as_long_as_its_start_says,
    a_cancelled_run_is_kept_as_long_as_its_start_says,
    a_clients_and_an_applications_runs_have_a_default,
    a_run_that_retries_another_is_kept_as_long,
);

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(3_600);

#[component]
async fn doubled(n: u32) -> gensx::Result<u32> {
    Ok(n * 2)
}

#[component]
async fn fails(n: u32) -> Result<u32, std::io::Error> {
    Err(std::io::Error::other(format!("{n} is not to be")))
}

/// Until nothing is left of a run.
async fn gone(client: &Client, run: &RunId) {
    until("the end of its time", || async {
        client.run(run).status().await.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    })
    .await;
    let listed = client.list().limit(100).await.unwrap();
    assert!(listed.runs.iter().all(|listed| listed.id != *run), "{listed:?}");
    let read = bounded("the stream", client.events(run, None).collect()).await;
    assert_eq!(read.unwrap_err().kind(), ErrorKind::NotFound);
}

/// For how long a run is recorded to be kept.
async fn recorded(client: &Client, run: &RunId) -> Option<u64> {
    match &events(client, run).await[0].kind {
        EventKind::RunStarted { keep_ms, .. } => *keep_ms,
        other => panic!("{other:?}"),
    }
}

async fn a_run_is_kept_as_long_as_its_start_says(backend: Backend) {
    let client = client(&backend);
    let sink = backend.sink().clone();
    // Before the worker: its runs wait longer than they are kept after their end.
    let short = client.start("doubled", &1).keep_for(SHORT).await.unwrap();
    let long = client.start("doubled", &2).keep_for(LONG).await.unwrap();
    let plain = client.start("doubled", &3).await.unwrap();
    let queued_ms = sink.now_ms().await.unwrap();
    let passed = SHORT.as_millis() as u64 * 2;
    until("time to pass", || async { sink.now_ms().await.unwrap() >= queued_ms + passed }).await;
    assert_eq!(client.list().unfinished().await.unwrap().runs.len(), 3, "none has ended");
    let working = Working::begin(Worker::builder(backend).register(&doubled));
    assert_eq!(bounded("the output", long.output::<u32>()).await.unwrap(), 4);
    gone(&client, short.id()).await;
    for (run, output) in [(&long, 4), (&plain, 6)] {
        assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), output);
    }
    assert_eq!(recorded(&client, long.id()).await, Some(3_600_000));
    assert_eq!(recorded(&client, plain.id()).await, None);
    working.drain().await;
}

async fn a_cancelled_run_is_kept_as_long_as_its_start_says(backend: Backend) {
    let client = client(&backend);
    let short = client.start("nobodys", &1).keep_for(SHORT).await.unwrap();
    let long = client.start("nobodys", &2).keep_for(LONG).await.unwrap();
    for run in [&short, &long] {
        run.cancel().await.unwrap();
    }
    gone(&client, short.id()).await;
    assert_eq!(long.output::<u32>().await.unwrap_err().kind(), ErrorKind::Cancelled);
}

async fn a_clients_and_an_applications_runs_have_a_default(backend: Backend) {
    let client = client(&backend).keep_for(SHORT);
    let default = client.start("nobodys", &1).await.unwrap();
    let own = client.start("nobodys", &2).keep_for(LONG).await.unwrap();
    for run in [&default, &own] {
        run.cancel().await.unwrap();
    }
    gone(&client, default.id()).await;
    assert_eq!(recorded(&client, own.id()).await, Some(3_600_000));

    let runtime = Runtime::builder().shared_sink(backend.sink().clone()).keep_for(SHORT).build();
    let run = runtime.start(&doubled, 1).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 2);
    gone(&client, run.id()).await;
}

async fn a_run_that_retries_another_is_kept_as_long(backend: Backend) {
    let client = client(&backend);
    let working = Working::begin(Worker::builder(backend).register(&fails));
    let first = client.start("fails", &1).keep_for(LONG).await.unwrap();
    bounded("the failure", first.output::<u32>()).await.unwrap_err();
    until_empty(&client).await;
    let again = client.retry(first.id()).await.unwrap();
    bounded("the failure", again.output::<u32>()).await.unwrap_err();
    assert_eq!(recorded(&client, again.id()).await, Some(3_600_000));
    working.drain().await;
}
