//! Workers that die, sleep, or are blocked: their runs go on elsewhere, and what is recorded does not run again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gensx::{
    Backend, ErrorKind, Event, EventKind, QueueError, RunId, RunQueue, RunStatus, Worker, component,
    queue::{
        Announce, Claim, Claimed, DeadRun, Deployment, Enqueue, Enqueued, Lease, MovePolicy, QueueStats,
        Queued, Release, Released, Removed, Renewal, Renewed, Wake, Wanted, WorkerId,
    },
};

use super::support::{
    SHORT_LEASE, Working, bounded, client, did, events, fresh, over_backends, times, until, until_empty,
};

over_backends!(
    a_dead_workers_run_goes_on_elsewhere,
    a_zombie_is_fenced,
    a_blocked_component_keeps_its_lease,
    a_worker_whose_renewals_are_not_answered_stops_by_itself,
    a_poison_run_is_given_up_and_can_be_retried,
    a_run_that_ended_before_its_worker_died_is_not_dead,
    a_run_that_goes_on_outlives_any_number_of_workers,
);

#[component]
async fn step(name: String, n: u32) -> gensx::Result<u32> {
    Ok(did(&format!("{name}/{n}")))
}

/// Hangs the first time, until its worker is gone.
#[component]
async fn hangs_once(name: String) -> gensx::Result<u32> {
    if did(&format!("{name}/hang")) == 1 {
        std::future::pending::<()>().await;
    }
    Ok(7)
}

#[component]
async fn interrupted(name: String) -> gensx::Result<u32> {
    let first = step(name.clone(), 1).await?;
    let hung = hangs_once(name.clone()).await?;
    Ok(first + hung + step(name, 2).await?)
}

/// Takes a worker more for each of its rounds.
#[component]
async fn costs_workers((name, rounds): (String, u32)) -> gensx::Result<u32> {
    let mut sum = 0;
    for n in 0..rounds {
        sum += hangs_once(format!("{name}/{n}")).await?;
    }
    Ok(sum)
}

async fn a_run_that_goes_on_outlives_any_number_of_workers(backend: Backend) {
    const ROUNDS: u32 = 5;
    let (client, name) = (client(&backend), fresh("outlives"));
    let worker = || {
        let worker = Worker::builder(backend.clone()).register(&costs_workers);
        Working::begin(worker.lease(SHORT_LEASE).max_claims(2))
    };
    let run = client.start("costs_workers", &(&name, ROUNDS)).await.unwrap();
    for n in 0..ROUNDS {
        let dies = worker();
        hangs(&format!("{name}/{n}")).await;
        // What it recorded before is told: without, this would be claim number `n + 1`.
        until("progress", || async { client.find(run.id()).await.unwrap().unwrap().claims == 1 }).await;
        dies.kill().await;
    }
    let lives = worker();
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 7 * ROUNDS);
    until_empty(&client).await;
    lives.drain().await;
}

async fn hangs(name: &str) {
    until("the component that hangs", || async { times(&format!("{name}/hang")) > 0 }).await;
}

async fn a_dead_workers_run_goes_on_elsewhere(backend: Backend) {
    let (client, name) = (client(&backend), fresh("dead"));
    let worker = || Worker::builder(backend.clone()).register(&interrupted).lease(SHORT_LEASE);
    let dies = Working::begin(worker());
    let run = client.start("interrupted", &name).await.unwrap();
    hangs(&name).await;
    dies.kill().await;
    let lives = Working::begin(worker());
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 1 + 7 + 1);
    // What was recorded did not run again; what was not, did.
    let did = ["1", "hang", "2"].map(|what| times(&format!("{name}/{what}")));
    assert_eq!(did, [1, 2, 1]);
    until_empty(&client).await;
    lives.drain().await;
}

/// A queue that does what a test needs to the leases of one worker.
#[derive(Debug)]
struct Between {
    queue: Arc<dyn RunQueue>,
    given: std::sync::Mutex<Vec<Lease>>,
    /// Whether renewals are never answered.
    silent: std::sync::atomic::AtomicBool,
}

impl Between {
    fn new(backend: &Backend) -> (Arc<Self>, Backend) {
        let queue = Arc::clone(backend.queue());
        let between = Arc::new(Self { queue, given: Default::default(), silent: Default::default() });
        (Arc::clone(&between), Backend::new(Arc::clone(backend.sink()), between))
    }
}

#[async_trait]
impl RunQueue for Between {
    fn name(&self) -> String {
        self.queue.name()
    }
    async fn enqueue(&self, entry: &Enqueue) -> Result<Enqueued, QueueError> {
        self.queue.enqueue(entry).await
    }
    async fn claim(&self, ask: &Claim) -> Result<Claimed, QueueError> {
        let claimed = self.queue.claim(ask).await?;
        self.given.lock().unwrap().extend(claimed.grants.iter().map(|grant| grant.lease.clone()));
        Ok(claimed)
    }
    async fn renew(&self, leases: &[Renewal], lease: Duration) -> Result<Vec<Renewed>, QueueError> {
        if self.silent.load(std::sync::atomic::Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.queue.renew(leases, lease).await
    }
    async fn release(&self, lease: &Lease, how: &Release, opened: bool) -> Result<Released, QueueError> {
        self.queue.release(lease, how, opened).await
    }
    async fn wake(&self, run: &RunId, why: Wake) -> Result<bool, QueueError> {
        self.queue.wake(run, why).await
    }
    async fn announce(&self, announce: &Announce) -> Result<(), QueueError> {
        self.queue.announce(announce).await
    }
    async fn wait(&self, ask: &Claim, cursor: u64) -> Result<(), QueueError> {
        self.queue.wait(ask, cursor).await
    }
    async fn find(&self, run: &RunId) -> Result<Option<Queued>, QueueError> {
        self.queue.find(run).await
    }
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        self.queue.stats().await
    }
    async fn deployments(&self) -> Result<Vec<Deployment>, QueueError> {
        self.queue.deployments().await
    }
    async fn dead(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>, QueueError> {
        self.queue.dead(after, limit).await
    }
    async fn remove(&self, run: &RunId) -> Result<Removed, QueueError> {
        self.queue.remove(run).await
    }
}

/// Says that it goes on after the first time, if it is let.
#[component]
async fn lingers_once(name: String) -> gensx::Result<u32> {
    let n = did(&format!("{name}/hang"));
    if n == 1 {
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    Ok(n)
}

#[component]
async fn zombie(name: String) -> gensx::Result<u32> {
    let n = lingers_once(name.clone()).await?;
    step(name, n).await?;
    Ok(n)
}

async fn a_zombie_is_fenced(backend: Backend) {
    let (client, name) = (client(&backend), fresh("zombie"));
    let (between, behind) = Between::new(&backend);
    // Its lease is long: it does not learn from a renewal that another has its run.
    let sleeps = Working::begin(Worker::builder(behind).register(&zombie));
    let run = client.start("zombie", &name).await.unwrap();
    hangs(&name).await;
    let lease = between.given.lock().unwrap()[0].clone();
    backend.queue().release(&lease, &Release::Back, true).await.unwrap();
    let other = Working::begin(Worker::builder(backend).register(&zombie).deployment("other"));
    // The first one must not take its run back.
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 2);
    tokio::time::sleep(Duration::from_millis(500)).await;
    // The zombie's outcome was refused, and its work stopped there.
    assert_eq!((times(&format!("{name}/1")), times(&format!("{name}/2"))), (0, 1));
    let events = events(&client, run.id()).await;
    assert_eq!(events.iter().filter(|event| event.is_last()).count(), 1);
    until_empty(&client).await;
    sleeps.drain().await;
    other.drain().await;
}

#[component]
async fn blocks(name: String) -> gensx::Result<u32> {
    let n = did(&name);
    // No await: the thread is the component's for four leases.
    std::thread::sleep(SHORT_LEASE * 4);
    Ok(n)
}

async fn a_blocked_component_keeps_its_lease(backend: Backend) {
    let (client, name) = (client(&backend), fresh("blocks"));
    let worker = || Worker::builder(backend.clone()).register(&blocks).lease(SHORT_LEASE);
    let (one, two) = (Working::begin(worker()), Working::begin(worker()));
    let run = client.start("blocks", &name).await.unwrap();
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 1);
    assert_eq!(times(&name), 1);
    one.drain().await;
    two.drain().await;
}

async fn a_worker_whose_renewals_are_not_answered_stops_by_itself(backend: Backend) {
    let (client, name) = (client(&backend), fresh("silent"));
    let (between, behind) = Between::new(&backend);
    let silent = Working::begin(Worker::builder(behind).register(&interrupted).lease(SHORT_LEASE));
    let run = client.start("interrupted", &name).await.unwrap();
    hangs(&name).await;
    between.silent.store(true, std::sync::atomic::Ordering::SeqCst);
    // The one that claims it again may be the same worker: it has a new lease, which is as silent, and ends in time.
    assert_eq!(bounded("the output", run.output::<u32>()).await.unwrap(), 9);
    assert_eq!(times(&format!("{name}/hang")), 2);
    until_empty(&client).await;
    silent.drain().await;
}

/// Ends its worker twice, and works when it is retried.
#[component]
async fn poison(name: String) -> gensx::Result<u32> {
    if did(&format!("{name}/hang")) <= 2 {
        std::future::pending::<()>().await;
    }
    Ok(5)
}

#[component]
async fn swallows(name: String) -> gensx::Result<u32> {
    let first = step(name.clone(), 1).await?;
    Ok(first + poison(name).await?)
}

/// A worker that claims a run and dies, as the queue sees it.
async fn claimed_by_one_that_died(backend: &Backend, run: &RunId, workflow: &str) {
    backend.queue().enqueue(&Enqueue::new(run.clone(), workflow)).await.unwrap();
    let worker = gensx::queue::Worker { id: WorkerId::generate(), deployment: "dead".into() };
    let workflows = vec![Wanted { workflow: workflow.into(), policy: MovePolicy::Prefer }];
    let lease = Duration::from_millis(1);
    let ask = Claim { worker, workflows, max_runs: 1, lease, max_claims: 1 };
    assert_eq!(backend.queue().claim(&ask).await.unwrap().grants.len(), 1);
}

async fn a_run_that_ended_before_its_worker_died_is_not_dead(backend: Backend) {
    let (client, name) = (client(&backend), fresh("ended"));
    let worker = || Worker::builder(backend.clone()).register(&zombie).max_claims(1).lease(SHORT_LEASE);
    did(&format!("{name}/hang"));
    let run = client.start("zombie", &name).await.unwrap();
    let first = Working::begin(worker());
    bounded("the output", run.output::<u32>()).await.unwrap();
    until_empty(&client).await;
    first.drain().await;

    claimed_by_one_that_died(&backend, run.id(), "zombie").await;
    let second = Working::begin(worker());
    until_empty(&client).await;
    assert_eq!(client.stats().await.unwrap().dead, 0);
    assert_eq!(run.status().await.unwrap(), RunStatus::Succeeded);
    second.drain().await;

    // One that had been given up stays dead.
    let poison = client.start("swallows", &fresh("given up")).await.unwrap();
    for _ in 0..2 {
        claimed_by_one_that_died(&backend, poison.id(), "swallows").await;
        let other = Working::begin(worker().register(&swallows));
        until("the dead run", || async { client.stats().await.unwrap().dead == 1 }).await;
        other.drain().await;
        backend.queue().remove(poison.id()).await.unwrap();
    }
    assert_eq!(poison.output::<u32>().await.unwrap_err().kind(), ErrorKind::GivenUp);
}

/// Whether the stream says by now that a component began.
async fn is_recorded(backend: &Backend, run: &RunId, component: &str) -> bool {
    let entries = backend.sink().read(run, 0, 100).await.unwrap();
    entries.iter().any(|entry| {
        let kind = Event::decode(entry.id, &entry.payload).unwrap().kind;
        matches!(kind, EventKind::Started { name, .. } if name == component)
    })
}

async fn a_poison_run_is_given_up_and_can_be_retried(backend: Backend) {
    let (client, name) = (client(&backend), fresh("poison"));
    let worker = || Worker::builder(backend.clone()).register(&swallows).lease(SHORT_LEASE).max_claims(2);
    let run = client.start("swallows", &name).await.unwrap();
    for deaths in 1..=2 {
        let dies = Working::begin(worker());
        until("its next claim", || async { times(&format!("{name}/hang")) == deaths }).await;
        until("the record of it", || is_recorded(&backend, run.id(), "poison")).await;
        dies.kill().await;
    }
    let lives = Working::begin(worker());
    let error = bounded("the end", run.output::<u32>()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GivenUp);
    assert_eq!(error.component(), Some("swallows/poison"));
    assert!(
        error.to_string().contains("2 claims") && error.to_string().contains(run.id().as_str()),
        "{error}"
    );
    assert_eq!(times(&format!("{name}/hang")), 2, "it was not run again");
    until("the dead run", || async { !client.dead(None, 10).await.unwrap().is_empty() }).await;
    assert_eq!(&client.dead(None, 10).await.unwrap()[0].run, run.id());

    let again = client.retry(run.id()).await.unwrap();
    assert_eq!(bounded("the output", again.output::<u32>()).await.unwrap(), 6);
    assert_eq!(times(&format!("{name}/1")), 1, "it was carried over");
    assert!(client.dead(None, 10).await.unwrap().is_empty());
    assert_eq!(run.status().await.unwrap(), RunStatus::Failed);
    let first = &events(&client, again.id()).await[0];
    let EventKind::RunStarted { retry_of, queued, .. } = &first.kind else { panic!("{first:?}") };
    assert_eq!(retry_of.as_ref(), Some(run.id()));
    assert!(queued.is_some());
    until_empty(&client).await;
    lives.drain().await;
}
