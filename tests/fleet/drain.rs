//! Letting go: a drain, and a change from one deployment to the next.

use std::time::{Duration, Instant};

use gensx::{
    Backend, Client, EventKind, RunId, Worker, WorkerBuilder, component,
    queue::{MovePolicy, QueueState},
};

use super::support::{
    Working, bounded, client, did, events, fresh, over_backends, times, until, until_empty,
};

over_backends!(
    a_drain_lets_end_what_ends_in_time,
    a_drain_hands_over_at_once_and_nothing_runs_twice,
    a_drain_from_outside_is_bounded_by_the_earliest_deadline,
    a_worker_works_once,
    a_run_prefers_its_deployment_and_moves_when_that_drains,
    a_pinned_run_waits_for_its_deployment,
    the_latest_deployment_takes_every_run,
);

/// Waits the first time for as long as the test says, and no other time.
#[component]
async fn waits_once(name: String, ms: u64) -> gensx::Result<u32> {
    let n = did(&format!("{name}/wait"));
    if n == 1 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    Ok(n)
}

#[component]
async fn step(name: String) -> gensx::Result<u32> {
    Ok(did(&format!("{name}/step")))
}

#[component]
async fn slow(input: (String, u64)) -> gensx::Result<u32> {
    let (name, ms) = input;
    let step = step(name.clone()).await?;
    Ok(step * 10 + waits_once(name, ms).await?)
}

const FOREVER_MS: u64 = 3_600_000;

async fn waits(name: &str) {
    until("the wait", || async { times(&format!("{name}/wait")) > 0 }).await;
}

async fn a_drain_lets_end_what_ends_in_time(backend: Backend) {
    let (client, name) = (client(&backend), fresh("ends"));
    let working = Working::begin(Worker::builder(backend).register(&slow));
    let run = client.start("slow", &(&name, 300)).await.unwrap();
    waits(&name).await;
    let later = client.start("slow", &(fresh("later"), 0));
    working.drain().await;
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 11);
    // What comes now is claimed by nobody.
    let later = later.await.unwrap();
    assert_eq!(client.find(later.id()).await.unwrap().unwrap().state, QueueState::Ready);
}

async fn a_drain_hands_over_at_once_and_nothing_runs_twice(backend: Backend) {
    let (client, name) = (client(&backend), fresh("over"));
    // The lease is that of production: nobody waits for it.
    let worker =
        || Worker::builder(backend.clone()).register(&slow).drain_deadline(Duration::from_millis(50));
    let leaves = Working::begin(worker());
    let run = client.start("slow", &(&name, FOREVER_MS)).await.unwrap();
    waits(&name).await;
    let stays = Working::begin(worker());
    let began = Instant::now();
    leaves.drain().await;
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 12);
    assert!(began.elapsed() < Duration::from_millis(1_050), "{:?}", began.elapsed());
    assert_eq!((times(&format!("{name}/step")), times(&format!("{name}/wait"))), (1, 2));
    until_empty(&client).await;
    stays.drain().await;
}

async fn a_drain_from_outside_is_bounded_by_the_earliest_deadline(backend: Backend) {
    let (client, name) = (client(&backend), fresh("outside"));
    let working = Working::begin(Worker::builder(backend).register(&slow));
    let run = client.start("slow", &(&name, FOREVER_MS)).await.unwrap();
    waits(&name).await;
    let (late, soon) = (Duration::from_secs(3600), Duration::from_millis(50));
    let both = async { tokio::join!(working.worker.drain(late), working.worker.drain(soon)) };
    bounded("the drain", both).await;
    let found = client.find(run.id()).await.unwrap().unwrap();
    assert_eq!((found.state, found.claims), (QueueState::Ready, 0));
    working.drain().await;
}

async fn a_worker_works_once(backend: Backend) {
    let worker = Worker::builder(backend).register(&slow).build().unwrap();
    worker.run_until(async {}).await.unwrap();
    let again = worker.run_until(async {}).await.unwrap_err();
    assert_eq!(again.kind(), gensx::ErrorKind::Config);
}

/// The program, and what it became.
mod blue {
    use super::{component, step, waits_once};

    #[component]
    async fn headline(name: String) -> gensx::Result<String> {
        super::did(&format!("{name}/headline blue"));
        Ok("blue".into())
    }

    #[component]
    pub(super) async fn article(name: String) -> gensx::Result<String> {
        let step = step(name.clone()).await?;
        let headline = headline(name.clone()).await?;
        let waited = waits_once(name, super::FOREVER_MS).await?;
        Ok(format!("{headline} {step} {waited}"))
    }
}

mod green {
    use super::{component, step, waits_once};

    /// The headline has a style now: another input, so it runs again.
    #[component]
    async fn headline(name: String, style: u32) -> gensx::Result<String> {
        super::did(&format!("{name}/headline green"));
        Ok(format!("green{style}"))
    }

    #[component]
    pub(super) async fn article(name: String) -> gensx::Result<String> {
        let step = step(name.clone()).await?;
        let headline = headline(name.clone(), 2).await?;
        let waited = waits_once(name, super::FOREVER_MS).await?;
        Ok(format!("{headline} {step} {waited}"))
    }
}

fn of_blue(backend: &Backend, policy: MovePolicy) -> WorkerBuilder {
    let builder = Worker::builder(backend.clone()).register(&blue::article).deployment("blue");
    builder.policy(policy).drain_deadline(Duration::from_millis(20))
}

fn of_green(backend: &Backend, policy: MovePolicy) -> WorkerBuilder {
    let builder = Worker::builder(backend.clone()).register(&green::article).deployment("green");
    builder.policy_of("article", policy).drain_deadline(Duration::from_millis(20))
}

/// Begins a worker, and waits until the fleet knows it.
async fn known(client: &Client, builder: WorkerBuilder) -> Working {
    let working = Working::begin(builder);
    let name = working.worker.deployment().to_owned();
    until("the deployment", || async {
        client.deployments().await.unwrap().iter().any(|known| *known.name == *name && known.workers > 0)
    })
    .await;
    working
}

/// The deployments that claimed a run, with where it was moved from.
async fn claims(client: &Client, run: &RunId) -> Vec<(String, Option<String>)> {
    let claim = |event: gensx::Event| match event.kind {
        EventKind::RunClaimed { deployment, moved_from, .. } => Some((deployment?, moved_from)),
        _ => None,
    };
    events(client, run).await.into_iter().filter_map(claim).collect()
}

fn claim(deployment: &str, from: Option<&str>) -> (String, Option<String>) {
    (deployment.to_owned(), from.map(str::to_owned))
}

async fn a_run_prefers_its_deployment_and_moves_when_that_drains(backend: Backend) {
    let (client, name) = (client(&backend), fresh("prefer"));
    let one = known(&client, of_blue(&backend, MovePolicy::Prefer)).await;
    let run = client.start("article", &name).await.unwrap();
    waits(&name).await;
    let other = known(&client, of_blue(&backend, MovePolicy::Prefer)).await;
    let newer = known(&client, of_green(&backend, MovePolicy::Prefer)).await;
    // The second wait would end at once: hold the run where it is, by its own count.
    one.drain().await;
    assert_eq!(bounded("the output", run.output::<String>()).await.unwrap(), "blue 1 2");
    assert_eq!(claims(&client, run.id()).await, [claim("blue", None), claim("blue", None)]);

    let (moves, name) = (fresh("moves"), name);
    let run = client.start("article", &moves).await.unwrap();
    // Unbound as it is, either takes it: it is the blue one's if that was faster.
    waits(&moves).await;
    let first = client.find(run.id()).await.unwrap().unwrap().deployment.unwrap();
    let (leaves, stays, to) =
        if &*first == "blue" { (other, newer, "green") } else { (newer, other, "blue") };
    leaves.drain().await;
    assert_eq!(
        bounded("the output", run.output::<String>()).await.unwrap(),
        format!("{to}{} 1 2", if to == "green" { "2" } else { "" })
    );
    assert_eq!(claims(&client, run.id()).await, [claim(&first, None), claim(to, Some(&first))]);
    // Of what was done, only what the other program changed ran again.
    let ran = ["step", "headline blue", "headline green"].map(|what| times(&format!("{moves}/{what}")));
    assert_eq!(ran, [1, 1, 1]);
    assert_eq!(times(&format!("{name}/headline green")), 0);
    until_empty(&client).await;
    stays.drain().await;
}

async fn a_pinned_run_waits_for_its_deployment(backend: Backend) {
    let (client, name) = (client(&backend), fresh("pin"));
    let one = known(&client, of_blue(&backend, MovePolicy::Pin)).await;
    let run = client.start("article", &name).await.unwrap();
    waits(&name).await;
    let green = known(&client, of_green(&backend, MovePolicy::Pin)).await;
    one.drain().await;
    // Green takes what is not bound, and leaves this one, which has been ready for longer.
    let other = client.start("article", &fresh("other")).await.unwrap();
    until("green's own run", || async {
        client
            .find(other.id())
            .await
            .unwrap()
            .is_some_and(|found| found.deployment.as_deref() == Some("green"))
    })
    .await;
    assert_eq!(client.find(run.id()).await.unwrap().unwrap().state, QueueState::Ready);
    let again = known(&client, of_blue(&backend, MovePolicy::Pin)).await;
    assert_eq!(bounded("the output", run.output::<String>()).await.unwrap(), "blue 1 2");
    client.cancel(other.id()).await.unwrap();
    green.drain().await;
    again.drain().await;
}

async fn the_latest_deployment_takes_every_run(backend: Backend) {
    let (client, name) = (client(&backend), fresh("latest"));
    let one = known(&client, of_blue(&backend, MovePolicy::Latest)).await;
    let run = client.start("article", &name).await.unwrap();
    waits(&name).await;
    let two = known(&client, of_blue(&backend, MovePolicy::Latest)).await;
    let green = known(&client, of_green(&backend, MovePolicy::Latest)).await;
    one.drain().await;
    assert_eq!(bounded("the output", run.output::<String>()).await.unwrap(), "green2 1 2");
    assert_eq!(claims(&client, run.id()).await, [claim("blue", None), claim("green", Some("blue"))]);
    two.drain().await;
    green.drain().await;
}
