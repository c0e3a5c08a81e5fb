//! What cannot be executed or queued: a typed error, and everybody else is unharmed.

use std::time::Duration;

use gensx::{
    Backend, Client, ErrorKind, MemoryQueue, MemorySink, RunId, Worker, component,
    queue::{MovePolicy, QueueState},
};

use super::support::{Working, bounded, client, over_backends, until, until_empty};

over_backends!(
    a_run_of_an_unregistered_workflow_waits_for_a_worker_that_has_it,
    an_input_that_does_not_decode_harms_nobody,
    a_run_that_cannot_be_executed_is_given_up_in_the_end,
    a_run_that_cannot_be_executed_can_be_cancelled,
    a_workflow_with_a_secret_input_is_refused,
    a_full_queue_says_so,
    an_input_that_is_too_large_is_refused,
    names_that_no_queue_takes_are_refused,
);

#[component]
async fn count(numbers: Vec<u32>) -> gensx::Result<usize> {
    Ok(numbers.len())
}

#[component]
async fn other(n: u32) -> gensx::Result<u32> {
    Ok(n)
}

async fn a_run_of_an_unregistered_workflow_waits_for_a_worker_that_has_it(backend: Backend) {
    let client = client(&backend);
    let unknown = client.start("other", &1).await.unwrap();
    let known = client.start("count", &[1, 2]).await.unwrap();
    let working = Working::begin(Worker::builder(backend.clone()).register(&count));
    assert_eq!(bounded("the output", known.output::<usize>()).await.unwrap(), 2);
    assert_eq!(client.find(unknown.id()).await.unwrap().unwrap().state, QueueState::Ready);
    let has_it = Working::begin(Worker::builder(backend).register(&other));
    assert_eq!(bounded("the output", unknown.output::<u32>()).await.unwrap(), 1);
    working.drain().await;
    has_it.drain().await;
}

async fn an_input_that_does_not_decode_harms_nobody(backend: Backend) {
    let client = client(&backend);
    let bad = client.start("count", "no list").await.unwrap();
    let good = client.start("count", &[1]).await.unwrap();
    let working = Working::begin(Worker::builder(backend.clone()).register(&count));
    assert_eq!(bounded("the output", good.output::<usize>()).await.unwrap(), 1);
    until("the delay", || async {
        client.find(bad.id()).await.unwrap().is_some_and(|found| found.state == QueueState::Delayed)
    })
    .await;
    // It stays as it is: nobody has claimed its stream.
    assert_eq!(backend.sink().head(bad.id()).await.unwrap().unwrap().last.epoch, 1);
    working.drain().await;
}

async fn a_run_that_cannot_be_executed_is_given_up_in_the_end(backend: Backend) {
    let client = client(&backend);
    let bad = client.start("count", "no list").await.unwrap();
    let working = Working::begin(Worker::builder(backend).register(&count).max_claims(1));
    let error = bounded("the end", bad.output::<usize>()).await.unwrap_err();
    assert_eq!((error.kind(), error.component()), (ErrorKind::GivenUp, Some("count")));
    until("the dead run", || async { client.stats().await.unwrap().dead == 1 }).await;
    until_empty(&client).await;
    working.drain().await;
}

async fn a_run_that_cannot_be_executed_can_be_cancelled(backend: Backend) {
    let client = client(&backend);
    let bad = client.start("count", "no list").await.unwrap();
    let working = Working::begin(Worker::builder(backend).register(&count));
    until("the delay", || async {
        client.find(bad.id()).await.unwrap().is_some_and(|found| found.state == QueueState::Delayed)
    })
    .await;
    bad.cancel().await.unwrap();
    let error = bounded("the end", bad.output::<usize>()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    until_empty(&client).await;
    working.drain().await;
}

#[component]
async fn secretive(#[secret] token: String) -> gensx::Result<usize> {
    Ok(token.len())
}

async fn a_workflow_with_a_secret_input_is_refused(backend: Backend) {
    let client = client(&backend);
    let run = client.start("secretive", "a token that should not be here").await.unwrap();
    let runtime = gensx::Runtime::builder().secret_key([7; 32]);
    let builder = Worker::builder(backend).register(&secretive).runtime(runtime).max_claims(1);
    let working = Working::begin(builder);
    let error = bounded("the end", run.output::<usize>()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GivenUp);
    working.drain().await;
}

async fn a_full_queue_says_so(backend: Backend) {
    let client = client(&backend).max_waiting(2);
    let id: RunId = "first".parse().unwrap();
    client.start("other", &1).id(id.clone()).await.unwrap();
    client.start("other", &2).await.unwrap();
    let error = client.start("other", &3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    // One that is queued already is answered as ever, and nothing of the refused one is kept.
    assert!(client.start("other", &1).id(id).await.unwrap().existed());
    assert_eq!(client.list().await.unwrap().runs.len(), 2);
    let working = Working::begin(Worker::builder(backend).register(&other));
    until_empty(&client).await;
    client.start("other", &3).await.unwrap();
    working.drain().await;
}

async fn an_input_that_is_too_large_is_refused(backend: Backend) {
    let client = client(&backend).max_input_bytes(100);
    let error = client.start("count", &"x".repeat(200)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("202 bytes, the limit is 100"), "{error}");
    assert_eq!(client.stats().await.unwrap().ready, 0);
}

async fn names_that_no_queue_takes_are_refused(backend: Backend) {
    let client = client(&backend);
    for refused in [
        client.start("", &1),
        client.start("a\nb", &1),
        client.start("other", &1).limit("l", "", 0),
        client.start("other", &1).idempotency_key("", Duration::from_secs(1)),
    ] {
        assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(client.list().await.unwrap().runs.len(), 0);
}

#[test]
fn workers_that_cannot_be_are_refused() {
    let backend =
        || Backend::new(std::sync::Arc::new(MemorySink::new()), std::sync::Arc::new(MemoryQueue::new()));
    let builder = || Worker::builder(backend()).register(&count);
    for refused in [
        Worker::builder(backend()),
        builder().concurrency(0),
        builder().max_claims(0),
        builder().lease(Duration::ZERO),
        builder().deployment(""),
        builder().policy_of("cuont", MovePolicy::Pin),
    ] {
        assert_eq!(refused.build().unwrap_err().kind(), ErrorKind::Config);
    }
    let _: Client = client(&backend());
}
