//! Cancelling, deleting, healing, messages.

use std::time::{Duration, Instant};

use gensx::{
    Backend, ErrorKind, EventKind, RunHandle, RunStatus, Runtime, Worker, component, queue::Removed,
};

use super::support::{
    Working, bounded, client, did, events, fresh, over_backends, times, until, until_empty,
};

over_backends!(
    a_queued_run_is_cancelled_at_once_also_without_workers,
    a_running_run_is_cancelled_at_its_next_await,
    a_waiting_run_is_cancelled,
    a_run_that_reaches_no_await_is_ended_after_the_grace_period,
    a_message_reaches_a_run_wherever_it_is,
    what_the_queue_lost_is_healed,
    what_the_queue_lost_is_healed_by_a_worker,
    workers_that_heal_at_once_do_no_harm,
    an_applications_run_is_left_to_it,
    a_leased_run_is_not_deleted,
);

const HEAL_EVERY: Duration = Duration::from_millis(100);
/// A start that no test waits for.
const FAR_AWAY: Duration = Duration::from_secs(3_600);

#[component]
async fn quick(n: u32) -> gensx::Result<u32> {
    Ok(n)
}

#[component]
async fn noted(name: String) -> gensx::Result<u32> {
    Ok(did(&name))
}

#[component]
async fn forever(name: String) -> gensx::Result<u32> {
    did(&name);
    std::future::pending().await
}

#[component]
async fn approved(name: String) -> gensx::Result<bool> {
    did(&name);
    gensx::input("approval", None).await
}

async fn begins(name: &str) {
    until("its first step", || async { times(name) > 0 }).await;
}

/// Cancels, and says that it took no longer than a second.
async fn cancelled(run: &RunHandle) {
    let began = Instant::now();
    run.cancel().await.unwrap();
    let error = bounded("the end", run.output::<serde_json::Value>()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(run.status().await.unwrap(), RunStatus::Cancelled);
    run.cancel().await.unwrap();
}

async fn a_queued_run_is_cancelled_at_once_also_without_workers(backend: Backend) {
    let client = client(&backend);
    let ready = client.start("quick", &1).await.unwrap();
    let delayed = client.start("quick", &1).start_after(Duration::from_secs(3600)).await.unwrap();
    cancelled(&ready).await;
    cancelled(&delayed).await;
    until_empty(&client).await;
}

async fn a_running_run_is_cancelled_at_its_next_await(backend: Backend) {
    let (client, name) = (client(&backend), fresh("running"));
    let working = Working::begin(Worker::builder(backend).register(&forever));
    let run = client.start("forever", &name).await.unwrap();
    begins(&name).await;
    cancelled(&run).await;
    until_empty(&client).await;
    working.drain().await;
}

async fn a_waiting_run_is_cancelled(backend: Backend) {
    let (client, name) = (client(&backend), fresh("waiting"));
    let working = Working::begin(Worker::builder(backend).register(&approved));
    let run = client.start("approved", &name).await.unwrap();
    begins(&name).await;
    cancelled(&run).await;
    until_empty(&client).await;
    working.drain().await;
}

#[component]
async fn stubborn(name: String) -> gensx::Result<u32> {
    did(&name);
    std::thread::sleep(Duration::from_secs(3));
    Ok(1)
}

async fn a_run_that_reaches_no_await_is_ended_after_the_grace_period(backend: Backend) {
    let (client, name) = (client(&backend), fresh("stubborn"));
    let builder = Worker::builder(backend).register(&stubborn);
    let working = Working::begin(builder.cancel_grace(Duration::from_millis(100)));
    let run = client.start("stubborn", &name).await.unwrap();
    begins(&name).await;
    cancelled(&run).await;
    until_empty(&client).await;
    working.drain().await;
    assert_eq!(events(&client, run.id()).await.iter().filter(|event| event.is_last()).count(), 1);
}

async fn a_message_reaches_a_run_wherever_it_is(backend: Backend) {
    let (client, name) = (client(&backend), fresh("message"));
    let early = client.start("approved", &fresh("early")).await.unwrap();
    client.send(early.id(), "approval", &true, Some("click-1")).await.unwrap();
    let working = Working::begin(Worker::builder(backend).register(&approved));
    assert!(bounded("the output", early.output::<bool>()).await.unwrap());
    let late = client.start("approved", &name).await.unwrap();
    begins(&name).await;
    client.send(late.id(), "approval", &false, None).await.unwrap();
    assert!(!bounded("the output", late.output::<bool>()).await.unwrap());
    working.drain().await;
}

async fn what_the_queue_lost_is_healed(backend: Backend) {
    let client = client(&backend);
    let run = client.start("quick", &3).priority(4).limit("all", "", 2).await.unwrap();
    assert_eq!(client.heal().await.unwrap(), 0, "nothing is lost");
    assert_eq!(backend.queue().remove(run.id()).await.unwrap(), Removed::Removed);
    assert_eq!(client.heal().await.unwrap(), 1);
    assert_eq!(client.heal().await.unwrap(), 0);
    let working = Working::begin(Worker::builder(backend).register(&quick));
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 3);
    until_empty(&client).await;
    assert_eq!(client.heal().await.unwrap(), 0, "it has ended");
    working.drain().await;
}

async fn what_the_queue_lost_is_healed_by_a_worker(backend: Backend) {
    let client = client(&backend);
    let run = client.start("quick", &3).await.unwrap();
    assert_eq!(backend.queue().remove(run.id()).await.unwrap(), Removed::Removed);
    let working = Working::begin(Worker::builder(backend).register(&quick).heal_every(HEAL_EVERY));
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 3);
    until_empty(&client).await;
    working.drain().await;
}

async fn workers_that_heal_at_once_do_no_harm(backend: Backend) {
    let (client, name) = (client(&backend), fresh("healed"));
    // One run is some worker's all the while.
    let worker =
        || Worker::builder(backend.clone()).register(&noted).register(&forever).heal_every(HEAL_EVERY);
    let waits = client.start("forever", &name).await.unwrap();
    let working = [(); 3].map(|()| Working::begin(worker()));
    begins(&name).await;
    let mut runs = Vec::new();
    // More than one round looks at.
    for n in 0..250 {
        let run = client.start("noted", &format!("{name}/{n}")).start_after(FAR_AWAY).await.unwrap();
        assert_eq!(backend.queue().remove(run.id()).await.unwrap(), Removed::Removed);
        runs.push(run);
    }
    until("all to be queued again", || async { client.stats().await.unwrap().delayed == 250 }).await;
    for run in &runs {
        backend.queue().wake(run.id(), gensx::queue::Wake::Now).await.unwrap();
    }
    for (n, run) in runs.iter().enumerate() {
        assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 1);
        assert_eq!(times(&format!("{name}/{n}")), 1);
    }
    assert_eq!(times(&name), 1, "a run that a worker has is left to it");
    waits.cancel().await.unwrap();
    until_empty(&client).await;
    for one in working {
        one.drain().await;
    }
}

async fn an_applications_run_is_left_to_it(backend: Backend) {
    let (client, name) = (client(&backend), fresh("embedded"));
    let runtime = Runtime::builder().shared_sink(backend.sink().clone()).build();
    let run = runtime.start(&approved, name.clone()).await.unwrap();
    begins(&name).await;
    assert_eq!(client.heal().await.unwrap(), 0);
    let taken = client.start("approved", &name).id(run.id().clone()).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Exists);
    // Whoever queues it all the same does not make it a worker's.
    backend.queue().enqueue(&gensx::queue::Enqueue::new(run.id().clone(), "approved")).await.unwrap();
    let working = Working::begin(Worker::builder(backend).register(&approved));
    until_empty(&client).await;
    client.send(run.id(), "approval", &true, None).await.unwrap();
    assert!(bounded("the output", run.output()).await.unwrap());
    let events = events(&client, run.id()).await;
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::RunClaimed { .. })));
    working.drain().await;
}

async fn a_leased_run_is_not_deleted(backend: Backend) {
    let (client, name) = (client(&backend), fresh("deleted"));
    let working = Working::begin(Worker::builder(backend).register(&forever));
    let run = client.start("forever", &name).await.unwrap();
    begins(&name).await;
    assert_eq!(client.delete(run.id()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    cancelled(&run).await;
    until_empty(&client).await;
    client.delete(run.id()).await.unwrap();
    assert_eq!(run.status().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(client.cancel(run.id()).await.unwrap_err().kind(), ErrorKind::NotFound);
    let queued = client.start("nobodys", &name).await.unwrap();
    client.delete(queued.id()).await.unwrap();
    assert_eq!(queued.output::<u32>().await.unwrap_err().kind(), ErrorKind::NotFound);
    working.drain().await;
}
