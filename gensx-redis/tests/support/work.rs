//! Runs in a queue, and workers, as tests make them.

use std::time::Duration;

use gensx_core::{
    RunQueue,
    queue::{Claim, Claimed, Enqueue, Enqueued, MovePolicy, Wanted, Worker, WorkerId},
};
use gensx_test_servers::RedisServer;

use crate::events::run_id;

pub(crate) const WORKFLOW: &str = "digest";
/// A lease that no test outlasts.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) fn entry(run: &str) -> Enqueue {
    Enqueue::new(run_id(run), WORKFLOW)
}

/// What a worker of its own asks for.
pub(crate) fn ask(max_runs: usize, lease: Duration) -> Claim {
    Claim {
        worker: Worker { id: WorkerId::generate(), deployment: "v1".into() },
        workflows: vec![Wanted { workflow: WORKFLOW.into(), policy: MovePolicy::Prefer }],
        max_runs,
        lease,
        max_claims: 1_000,
    }
}

#[allow(dead_code, reason = "not each test binary queues in this way")]
pub(crate) async fn put(queue: &dyn RunQueue, entry: &Enqueue) {
    assert_eq!(queue.enqueue(entry).await.unwrap(), Enqueued::Fresh, "{entry:?}");
}

#[allow(dead_code, reason = "not each test binary claims in this way")]
pub(crate) async fn claim(queue: &dyn RunQueue, max_runs: usize) -> Claimed {
    queue.claim(&ask(max_runs, LONG)).await.unwrap()
}

/// A key of the queue with the default prefix.
#[allow(dead_code, reason = "not each test binary looks at keys")]
pub(crate) fn key(name: &str) -> String {
    format!("gensx:{{gensx:queue}}:{name}")
}

/// Demands that the queue holds nothing but what numbers leases, and what expires by itself.
#[allow(dead_code, reason = "not each test binary looks at keys")]
pub(crate) fn assert_empty(servers: &[RedisServer]) {
    let keys = |server: &RedisServer| server.command(&["KEYS", "gensx:{gensx:queue}:*"]);
    let all: String = servers.iter().map(|server| keys(server) + "\n").collect();
    let left: Vec<&str> = all.lines().filter(|key| !key.is_empty() && !key.contains(":given:")).collect();
    assert_eq!(left, [key("counts")]);
    let count = |name| servers.iter().map(move |server| server.command(&["HGET", &key("counts"), name]));
    for name in ["parked", "leased"] {
        assert!(count(name).any(|count| count == "0"), "{name}");
    }
}
