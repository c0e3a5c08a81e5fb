//! Lists of runs, as a console asks for them.

use std::time::{Duration, SystemTime};

use gensx::{
    Backend, List, RunId, RunStatus, Runtime, Worker, component,
    sink::{Cursor, RunPage, RunSummary},
};

use super::support::{Working, bounded, client, over_backends, until, until_empty};

over_backends!(
    runs_are_listed_by_each_condition,
    runs_are_listed_in_pages_by_a_token,
    an_applications_runs_are_listed_like_a_fleets,
    a_retried_run_says_which_it_retries,
);

#[component]
async fn doubled(n: u32) -> gensx::Result<u32> {
    Ok(n * 2)
}

#[component]
async fn fails(n: u32) -> Result<u32, std::io::Error> {
    Err(std::io::Error::other(format!("{n} is not to be")))
}

#[component]
async fn waits(n: u32) -> gensx::Result<u32> {
    gensx::input("go on", None).await.map(|more: u32| n + more)
}

fn ids(page: &RunPage) -> Vec<RunId> {
    page.runs.iter().map(|run| run.id.clone()).collect()
}

/// The runs of all pages, each of two at most, by the token that the page before gave.
async fn all(list: List) -> Vec<RunSummary> {
    let (mut runs, mut page) = (Vec::new(), list.clone().limit(2).await.unwrap());
    loop {
        assert!(page.runs.len() <= 2);
        runs.append(&mut page.runs);
        let Some(next) = page.next else { return runs };
        let token = next.to_string();
        page = list.clone().limit(2).after(token.parse::<Cursor>().unwrap()).await.unwrap();
    }
}

async fn runs_are_listed_by_each_condition(backend: Backend) {
    let client = client(&backend);
    let builder = Worker::builder(backend.clone()).register(&doubled).register(&fails).register(&waits);
    let green = Working::begin(builder.deployment("green"));
    let done = client.start("doubled", &1).await.unwrap();
    let failed = client.start("fails", &2).await.unwrap();
    let waiting = client.start("waits", &3).await.unwrap();
    assert_eq!(bounded("the output", done.output::<u32>()).await.unwrap(), 2);
    bounded("the failure", failed.output::<u32>()).await.unwrap_err();
    until("the deployment", || async {
        client.list().unfinished().deployment("green").await.unwrap().runs.len() == 1
    })
    .await;
    let queued = client.start("nobodys", &4).await.unwrap();
    let [done, failed, waiting, queued] = [&done, &failed, &waiting, &queued].map(|run| run.id().clone());

    let one = |run: &RunId| vec![run.clone()];
    assert_eq!(ids(&client.list().workflow("doubled").await.unwrap()), one(&done));
    assert_eq!(ids(&client.list().failed().await.unwrap()), one(&failed));
    assert_eq!(ids(&client.list().status(RunStatus::Succeeded).await.unwrap()), one(&done));
    assert_eq!(ids(&client.list().workflow("waits").unfinished().await.unwrap()), one(&waiting));
    let mut unfinished = ids(&client.list().unfinished().await.unwrap());
    unfinished.sort();
    let mut expected = vec![waiting.clone(), queued.clone()];
    expected.sort();
    assert_eq!(unfinished, expected);
    assert_eq!(all(client.list().ended()).await.len(), 2);
    assert_eq!(all(client.list().deployment("green")).await.len(), 3);
    assert_eq!(all(client.list().deployment("blue")).await, []);

    let runs = all(client.list()).await;
    let of = |id: &RunId| runs.iter().find(|run| run.id == *id).cloned().unwrap();
    let (failed, queued) = (of(&failed), of(&queued));
    assert_eq!((&*failed.workflow, failed.status), ("fails", RunStatus::Failed));
    assert_eq!(failed.deployment.as_deref(), Some("green"));
    assert!(failed.ended_ms >= Some(failed.started_ms), "{failed:?}");
    assert_eq!((queued.deployment, queued.ended_ms), (None, None));

    let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    let (oldest, newest) = (runs.iter().map(|run| run.started_ms).min().unwrap(), runs[0].started_ms);
    assert_eq!(all(client.list().since(at(oldest)).before(at(newest + 1))).await.len(), 4);
    assert!(client.list().before(at(oldest)).await.unwrap().runs.is_empty());
    assert!(client.list().since(at(newest + 1)).await.unwrap().runs.is_empty());
    // A drain would wait for it.
    client.cancel(&waiting).await.unwrap();
    green.drain().await;
}

async fn runs_are_listed_in_pages_by_a_token(backend: Backend) {
    let client = client(&backend);
    let mut started = Vec::new();
    for n in 0..7_u32 {
        started.push(client.start("doubled", &n).await.unwrap().id().clone());
    }
    client.cancel(&started[2]).await.unwrap();
    let runs = all(client.list()).await;
    assert!(runs.is_sorted_by(|newer, older| newer.cursor() < older.cursor()), "{runs:?}");
    let mut listed: Vec<_> = runs.into_iter().map(|run| run.id).collect();
    listed.sort();
    started.sort();
    assert_eq!(listed, started);
    let cancelled = client.list().status(RunStatus::Cancelled).await.unwrap();
    assert_eq!(cancelled.runs.len(), 1);
    assert_eq!(all(client.list().workflow("doubled").unfinished()).await.len(), 6);
    let working = Working::begin(Worker::builder(backend).register(&doubled));
    until_empty(&client).await;
    until("the end of all", || async { all(client.list().unfinished()).await.is_empty() }).await;
    assert_eq!(all(client.list().status(RunStatus::Succeeded)).await.len(), 6);
    client.delete(&cancelled.runs[0].id).await.unwrap();
    assert_eq!(all(client.list().workflow("doubled")).await.len(), 6);
    working.drain().await;
}

async fn an_applications_runs_are_listed_like_a_fleets(backend: Backend) {
    let runtime = Runtime::builder().shared_sink(backend.sink().clone()).build();
    let done = runtime.start(&doubled, 1).await.unwrap();
    done.output().await.unwrap();
    let waiting = runtime.start(&waits, 1).await.unwrap();
    client(&backend).start("nobodys", &4).await.unwrap();
    assert_eq!(ids(&runtime.list().workflow("doubled").ended().await.unwrap()), [done.id().clone()]);
    assert_eq!(ids(&client(&backend).list().workflow("waits").await.unwrap()), [waiting.id().clone()]);
    let workflows: Vec<_> =
        runtime.unfinished().await.unwrap().into_iter().map(|(_, head)| head.workflow.to_string()).collect();
    assert_eq!(workflows.len(), 2, "{workflows:?}");
    runtime.drain().await;
}

async fn a_retried_run_says_which_it_retries(backend: Backend) {
    let client = client(&backend);
    let working = Working::begin(Worker::builder(backend.clone()).register(&fails));
    let first = client.start("fails", &1).await.unwrap();
    bounded("the failure", first.output::<u32>()).await.unwrap_err();
    until_empty(&client).await;
    let again = client.retry(first.id()).await.unwrap();
    bounded("the failure", again.output::<u32>()).await.unwrap_err();
    let failed = all(client.list().failed()).await;
    let retries = |id: &RunId| failed.iter().find(|run| run.id == *id).unwrap().retry_of.clone();
    assert_eq!((retries(again.id()), retries(first.id())), (Some(first.id().clone()), None));
    working.drain().await;
}
