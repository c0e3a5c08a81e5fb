//! What the cases share.

use std::{sync::Arc, time::Duration};

pub(super) use crate::sink::conformance::kit::{SOON, at_once, run_id, within};
use crate::{
    RunId,
    queue::{
        Announce, Claim, Due, Enqueue, Enqueued, Grant, Lease, Limit, MovePolicy, QueueError, QueueErrorKind,
        QueueState, Release, Released, Renewal, Renewed, RunQueue, Wanted, Worker, WorkerId,
    },
};

pub(super) type Queue = Arc<dyn RunQueue>;

/// The workflow of every run, unless a case says otherwise.
pub(super) const WORKFLOW: &str = "conformance";

/// A lease, or a time to live, that runs out while a case waits.
pub(super) const BRIEF: Duration = Duration::from_millis(150);

/// A lease that no case outlasts.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// The claims that a run has.
pub(super) const MAX_CLAIMS: u32 = 3;

#[expect(
    clippy::disallowed_methods,
    reason = "cases about the store's time wait for it; there is no other clock"
)]
pub(super) async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

/// The answer of a queue that is up.
pub(super) fn ok<T>(answer: Result<T, QueueError>) -> T {
    answer.unwrap_or_else(|error| panic!("the queue failed: {error} ({:?})", error.kind()))
}

/// The kind of the error that was demanded.
pub(super) fn refused<T: std::fmt::Debug>(answer: Result<T, QueueError>) -> QueueErrorKind {
    match answer {
        Ok(value) => panic!("an error was expected, not {value:?}"),
        Err(error) => error.kind(),
    }
}

pub(super) fn entry(run: &str) -> Enqueue {
    Enqueue::new(run_id(run), WORKFLOW)
}

pub(super) fn limit(name: &str, key: &str, max: u32) -> Limit {
    Limit { name: name.into(), key: key.into(), max }
}

/// Queues a run that is not there yet.
pub(super) async fn put(queue: &Queue, entry: &Enqueue) {
    assert_eq!(ok(queue.enqueue(entry).await), Enqueued::Fresh, "{entry:?}");
}

/// Queues runs of these names.
pub(super) async fn put_all(queue: &Queue, runs: &[&str]) {
    for run in runs {
        put(queue, &entry(run)).await;
    }
}

/// What a worker of deployment `v1` asks for.
pub(super) fn ask(max_runs: usize, lease: Duration) -> Claim {
    ask_by("v1", max_runs, lease, MovePolicy::Prefer)
}

pub(super) fn ask_by(deployment: &str, max_runs: usize, lease: Duration, policy: MovePolicy) -> Claim {
    Claim {
        worker: worker(deployment),
        workflows: vec![wanted(WORKFLOW, policy)],
        max_runs,
        lease,
        max_claims: MAX_CLAIMS,
    }
}

/// The one worker of a deployment.
pub(super) fn worker(deployment: &str) -> Worker {
    Worker { id: WorkerId::from_text(format!("worker-of-{deployment}")), deployment: deployment.into() }
}

pub(super) fn wanted(workflow: &str, policy: MovePolicy) -> Wanted {
    Wanted { workflow: workflow.into(), policy }
}

pub(super) async fn announce(queue: &Queue, deployment: &str, draining: bool, ttl: Duration) {
    ok(queue.announce(&Announce { worker: worker(deployment), draining, ttl }).await);
}

/// Claims once, and gives what came.
pub(super) async fn claim(queue: &Queue, max_runs: usize) -> Vec<Grant> {
    ok(queue.claim(&ask(max_runs, LONG)).await).grants
}

/// Claims once, and gives the names of the runs that came.
pub(super) async fn claimed(queue: &Queue, ask: &Claim) -> Vec<String> {
    names(&ok(queue.claim(ask).await).grants)
}

pub(super) fn names(grants: &[Grant]) -> Vec<String> {
    grants.iter().map(|grant| grant.lease.run.to_string()).collect()
}

/// Claims one run, which must be there.
pub(super) async fn claim_one(queue: &Queue) -> Grant {
    let mut grants = claim(queue, 1).await;
    grants.pop().unwrap_or_else(|| panic!("nothing was claimed"))
}

/// Claims until a run comes, within a bound.
pub(super) async fn await_one(queue: &Queue, ask: &Claim) -> Grant {
    within(SOON, "a run that becomes ready by time", async {
        loop {
            if let Some(grant) = ok(queue.claim(ask).await).grants.pop() {
                return grant;
            }
            pause(Duration::from_millis(5)).await;
        }
    })
    .await
}

pub(super) async fn release(queue: &Queue, lease: &Lease, how: Release) {
    assert_eq!(ok(queue.release(lease, &how, true).await), Released::Released, "{how:?}");
}

pub(super) fn renewal(lease: &Lease) -> Renewal {
    Renewal { lease: lease.clone(), opened: false, progressed: false }
}

pub(super) async fn renew(queue: &Queue, lease: &Lease, by: Duration) -> Renewed {
    let answers = ok(queue.renew(&[renewal(lease)], by).await);
    assert_eq!(answers.len(), 1);
    answers[0]
}

pub(super) async fn state(queue: &Queue, run: &RunId) -> Option<QueueState> {
    ok(queue.find(run).await).map(|queued| queued.state)
}

/// A due time that no case outlasts.
pub(super) const LATER: Due = Due::After(LONG);

/// A due time that comes while a case waits.
pub(super) const SHORTLY: Due = Due::After(BRIEF);
