//! Starting, executing, sharing.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use gensx::{Backend, ErrorKind, EventKind, RunId, RunStatus, Worker, component, queue::QueueState};

use super::support::{
    Working, bounded, client, did, events, fresh, over_backends, times, until, until_empty,
};

over_backends!(
    a_started_run_gives_its_output,
    what_is_started_first_begins_without_polling,
    the_same_id_is_one_run,
    the_same_key_is_one_run,
    no_more_run_at_once_than_the_worker_has_room_for,
    two_workers_share,
    a_client_that_died_before_it_opened_the_stream_started_the_run,
);

#[component]
async fn double(n: u32) -> gensx::Result<u32> {
    Ok(n * 2)
}

#[component]
async fn sum(numbers: Vec<u32>) -> gensx::Result<u32> {
    let mut sum = 0;
    for n in numbers {
        sum += double(n).await?;
    }
    Ok(sum)
}

async fn a_started_run_gives_its_output(backend: Backend) {
    let client = client(&backend);
    let run = client.start("sum", &[1, 2, 3]).await.unwrap();
    assert!(!run.existed());
    assert_eq!(run.status().await.unwrap(), RunStatus::Running);
    assert_eq!(client.find(run.id()).await.unwrap().unwrap().state, QueueState::Ready);

    let working = Working::begin(Worker::builder(backend).register(&sum).deployment("blue"));
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 12);
    assert_eq!(run.status().await.unwrap(), RunStatus::Succeeded);
    assert_eq!(bounded("the output again", run.output::<u32>()).await.unwrap(), 12);
    until_empty(&client).await;

    let events = events(&client, run.id()).await;
    assert!(matches!(&events[0].kind, EventKind::RunStarted { queued: Some(_), .. }), "{:?}", events[0]);
    let EventKind::RunClaimed { owner, deployment, moved_from } = &events[1].kind else {
        panic!("{:?}", events[1])
    };
    assert_eq!(owner, working.worker.id().as_str());
    assert_eq!((deployment.as_deref(), moved_from.as_deref()), (Some("blue"), None));
    working.drain().await;
    assert!(client.deployments().await.unwrap().is_empty(), "the worker has left");
}

async fn what_is_started_first_begins_without_polling(backend: Backend) {
    let client = client(&backend);
    let working = Working::begin(Worker::builder(backend).register(&sum));
    until("the worker", || async { !client.deployments().await.unwrap().is_empty() }).await;
    // The best of several, since the machine is shared: a worker that polled would never be as quick.
    let mut best = Duration::MAX;
    for n in 0..20_u32 {
        let began = Instant::now();
        let run = client.start("sum", &[n]).await.unwrap();
        assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), n * 2);
        best = best.min(began.elapsed());
    }
    assert!(best < Duration::from_millis(100), "{best:?}");
    working.drain().await;
}

async fn the_same_id_is_one_run(backend: Backend) {
    let client = client(&backend);
    let id: RunId = "monday".parse().unwrap();
    let first = client.start("sum", &[1]).id(id.clone()).await.unwrap();
    let second = client.start("sum", &[1]).id(id.clone()).await.unwrap();
    assert_eq!((first.existed(), second.existed()), (false, true));
    assert_eq!((first.id(), second.id()), (&id, &id));

    let working = Working::begin(Worker::builder(backend).register(&sum));
    assert_eq!(bounded("the output", first.output::<u32>()).await.unwrap(), 2);
    until_empty(&client).await;
    // The queue has forgotten it, and the stream has not.
    let third = client.start("sum", &[1]).id(id.clone()).await.unwrap();
    assert!(third.existed());
    assert_eq!(bounded("the output", third.output::<u32>()).await.unwrap(), 2);
    until_empty(&client).await;
    assert_eq!(events(&client, &id).await.iter().filter(|event| event.is_last()).count(), 1);

    let other = client.start("double", &1).id(id.clone()).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Exists);
    until_empty(&client).await;
    working.drain().await;
}

async fn the_same_key_is_one_run(backend: Backend) {
    let client = client(&backend);
    let start = || client.start("sum", &[4]).idempotency_key("click-1", Duration::from_secs(600));
    let first = start().await.unwrap();
    let working = Working::begin(Worker::builder(backend).register(&sum));
    assert_eq!(bounded("the output", first.output::<u32>()).await.unwrap(), 8);
    until_empty(&client).await;
    let second = start().await.unwrap();
    assert_eq!((second.existed(), second.id()), (true, first.id()));
    assert_eq!(bounded("the output", second.output::<u32>()).await.unwrap(), 8);
    working.drain().await;
}

static BUSY: AtomicU32 = AtomicU32::new(0);
static MOST_BUSY: AtomicU32 = AtomicU32::new(0);

#[component]
async fn busy(n: u32) -> gensx::Result<u32> {
    let now = BUSY.fetch_add(1, Ordering::SeqCst) + 1;
    MOST_BUSY.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    BUSY.fetch_sub(1, Ordering::SeqCst);
    Ok(n)
}

async fn no_more_run_at_once_than_the_worker_has_room_for(backend: Backend) {
    let client = client(&backend);
    let mut runs = Vec::new();
    for n in 0..12_u32 {
        runs.push(client.start("busy", &n).await.unwrap());
    }
    let working = Working::begin(Worker::builder(backend).register(&busy).concurrency(3));
    for (n, run) in (0..).zip(&runs) {
        assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), n);
    }
    assert_eq!(MOST_BUSY.load(Ordering::SeqCst), 3);
    working.drain().await;
}

#[component]
async fn noted(name: String, n: u32) -> gensx::Result<u32> {
    did(&format!("{name}/{n}"));
    tokio::time::sleep(Duration::from_millis(10)).await;
    Ok(n)
}

#[component]
async fn one_noted(input: (String, u32)) -> gensx::Result<u32> {
    noted(input.0, input.1).await
}

async fn two_workers_share(backend: Backend) {
    let (client, name) = (client(&backend), fresh("share"));
    let worker = || Worker::builder(backend.clone()).register(&one_noted).concurrency(2);
    let (one, two) = (Working::begin(worker()), Working::begin(worker()));
    let mut runs = Vec::new();
    for n in 0..24_u32 {
        runs.push(client.start("one_noted", &(&name, n)).await.unwrap());
    }
    let mut owners = std::collections::BTreeSet::new();
    for (n, run) in (0..).zip(&runs) {
        assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), n);
        assert_eq!(times(&format!("{name}/{n}")), 1);
        for event in events(&client, run.id()).await {
            if let EventKind::RunClaimed { owner, .. } = event.kind {
                owners.insert(owner);
            }
        }
    }
    assert_eq!(owners.len(), 2, "one had all");
    one.drain().await;
    two.drain().await;
}

async fn a_client_that_died_before_it_opened_the_stream_started_the_run(backend: Backend) {
    // What the client queues, with a stream that was deleted behind it.
    let client = client(&backend);
    let run = client.start("sum", &[5]).await.unwrap();
    backend.sink().delete(run.id()).await.unwrap();
    assert_eq!(run.status().await.unwrap(), RunStatus::Running);
    let working = Working::begin(Worker::builder(backend).register(&sum));
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 10);
    working.drain().await;
    until_empty(&client).await;
}
