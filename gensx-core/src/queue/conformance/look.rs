//! S and D: what can be seen, and removed.

use std::time::Duration;

use super::{Fixture, kit::*};
use crate::queue::{Deployment, Enqueue, Park, QueueState, QueueStats, Queued, Release, Removed};

/// A run in each state, named after it.
async fn one_of_each(queue: &Queue) {
    put_all(queue, &["dead", "parked", "retried"]).await;
    let grants = claim(queue, 3).await;
    release(queue, &grants[0].lease, Release::Dead).await;
    release(queue, &grants[1].lease, Release::Park(Park::for_message(0))).await;
    release(queue, &grants[2].lease, Release::Retry(LATER)).await;
    let only = vec![limit("group", "key", 1)];
    put(queue, &Enqueue { limits: only.clone(), ..entry("leased") }).await;
    assert_eq!(claim(queue, 9).await.len(), 1);
    put(queue, &Enqueue { limits: only, ..entry("held") }).await;
    put(queue, &Enqueue { due: LATER, ..entry("delayed") }).await;
    put(queue, &entry("ready")).await;
}

pub(super) async fn s1_find_gives_each_state(Fixture { queue, other, .. }: Fixture) {
    one_of_each(&queue).await;
    for (run, state, claims) in [
        ("ready", QueueState::Ready, 0),
        ("held", QueueState::Held, 0),
        ("delayed", QueueState::Delayed, 0),
        ("retried", QueueState::Delayed, 1),
        ("parked", QueueState::Parked, 0),
        ("leased", QueueState::Leased, 1),
        ("dead", QueueState::Dead, 1),
    ] {
        let queued = ok(other.find(&run_id(run)).await).unwrap_or_else(|| panic!("{run} is gone"));
        let begun = !matches!(run, "ready" | "held" | "delayed");
        let expected = Queued {
            workflow: WORKFLOW.into(),
            state,
            due_ms: queued.due_ms,
            deployment: begun.then(|| "v1".into()),
            worker: (run == "leased").then(|| worker("v1").id),
            claims,
        };
        assert_eq!(queued, expected, "{run}");
        let timed = matches!(run, "delayed" | "retried" | "leased");
        assert_eq!(queued.due_ms.is_some(), timed, "{run}");
    }
    assert_eq!(ok(other.find(&run_id("unknown")).await), None);
}

pub(super) async fn s2_stats_count_by_state(Fixture { queue, other, .. }: Fixture) {
    assert_eq!(ok(queue.stats().await), QueueStats::default());
    one_of_each(&queue).await;
    pause(BRIEF).await;
    let stats = ok(other.stats().await);
    let age = stats.oldest_ready.unwrap_or_else(|| panic!("none is ready"));
    assert!(age >= BRIEF / 2 && age < SOON, "{age:?}");
    let expected = QueueStats {
        ready: 1,
        held: 1,
        delayed: 2,
        parked: 1,
        leased: 1,
        dead: 1,
        oldest_ready: stats.oldest_ready,
    };
    assert_eq!(stats, expected);
}

pub(super) async fn s3_deployments_are_listed(Fixture { queue, other, .. }: Fixture) {
    assert_eq!(ok(queue.deployments().await), []);
    announce(&queue, "v2", false, LONG).await;
    announce(&queue, "v1", true, LONG).await;
    announce(&queue, "silent", false, Duration::from_millis(1)).await;
    one_of_each(&queue).await;
    pause(BRIEF).await;
    let listed = ok(other.deployments().await);
    let told = |deployment: &Deployment| {
        assert!(deployment.first_seen_ms > 0);
        (deployment.name.to_string(), deployment.workers, deployment.draining, deployment.runs)
    };
    // Parked, to be tried again, and leased; the dead one is nobody's.
    let expected = [("v2".to_owned(), 1, 0, 0), ("v1".to_owned(), 0, 1, 3)];
    assert_eq!(listed.iter().map(told).collect::<Vec<_>>(), expected);
}

pub(super) async fn d1_dead_runs_are_paged(Fixture { queue, .. }: Fixture) {
    assert!(ok(queue.dead(None, 9).await).is_empty());
    for n in 0..25 {
        put(&queue, &entry(&format!("run-{n:02}"))).await;
        release(&queue, &claim_one(&queue).await.lease, Release::Dead).await;
    }
    let mut all = Vec::new();
    loop {
        let page = ok(queue.dead(all.last(), 10).await);
        assert!(page.len() <= 10);
        if page.is_empty() {
            break;
        }
        all.extend(page.into_iter().map(|dead| dead.run));
        ok(queue.remove(&run_id("run-00")).await);
    }
    assert_eq!(all, (0..25).map(|n| run_id(&format!("run-{n:02}"))).collect::<Vec<_>>());
    assert_eq!(ok(queue.dead(None, 999).await).len(), 24);
}

pub(super) async fn d2_a_removed_run_is_gone(Fixture { queue, other, .. }: Fixture) {
    one_of_each(&queue).await;
    for run in ["ready", "held", "delayed", "retried", "parked", "dead"] {
        assert_eq!(ok(other.remove(&run_id(run)).await), Removed::Removed, "{run}");
        assert_eq!(state(&queue, &run_id(run)).await, None, "{run}");
    }
    let only_leased = QueueStats { leased: 1, ..QueueStats::default() };
    assert_eq!(ok(queue.stats().await), only_leased);
    assert_eq!(claim(&queue, 9).await.len(), 0);
    // What stood behind it in the line of its key comes next.
    let behind = |run: &str| Enqueue { limits: vec![limit("group", "other", 5)], ..entry(run) };
    put(&queue, &behind("first")).await;
    put(&queue, &behind("second")).await;
    assert_eq!(ok(other.remove(&run_id("first")).await), Removed::Removed);
    assert_eq!(names(&claim(&queue, 9).await), ["second"]);
}

pub(super) async fn d3_a_leased_run_is_not_removed(Fixture { queue, other, .. }: Fixture) {
    assert_eq!(ok(queue.remove(&run_id("unknown")).await), Removed::Unknown);
    put(&queue, &entry("run")).await;
    let grant = claim_one(&queue).await;
    assert_eq!(ok(other.remove(&run_id("run")).await), Removed::Leased);
    release(&queue, &grant.lease, Release::Done).await;
    assert_eq!(ok(other.remove(&run_id("run")).await), Removed::Unknown);
}
