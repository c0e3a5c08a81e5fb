//! B: deployments side by side.

use std::time::Duration;

use super::{Fixture, kit::*};
use crate::queue::{Announce, Claim, MovePolicy, Release, Worker, WorkerId};

use MovePolicy::{Latest, Pin, Prefer};

fn by(deployment: &str, policy: MovePolicy) -> Claim {
    ask_by(deployment, 9, LONG, policy)
}

/// Has a deployment begin a run, and give it back.
async fn begin(queue: &Queue, run: &str, deployment: &str) {
    put(queue, &entry(run)).await;
    give_back(queue, deployment, Prefer, &[run]).await;
}

/// Claims these runs, no others, and gives them back.
async fn give_back(queue: &Queue, deployment: &str, policy: MovePolicy, runs: &[&str]) {
    let grants = ok(queue.claim(&by(deployment, policy)).await).grants;
    let mut came = names(&grants);
    came.sort();
    assert_eq!(came, runs, "by {deployment}, {policy:?}");
    for grant in grants {
        release(queue, &grant.lease, Release::Back).await;
    }
}

pub(super) async fn b1_a_run_stays_with_its_deployment(Fixture { queue, other, .. }: Fixture) {
    announce(&queue, "blue", false, LONG).await;
    announce(&other, "green", false, LONG).await;
    begin(&queue, "run", "blue").await;
    give_back(&other, "green", Prefer, &[]).await;
    begin(&other, "another", "green").await;
    give_back(&queue, "blue", Prefer, &["run"]).await;
    give_back(&other, "green", Prefer, &["another"]).await;
}

pub(super) async fn b2_a_run_moves_when_its_deployment_is_gone(Fixture { queue, other, .. }: Fixture) {
    let second = Worker { id: WorkerId::from_text("second"), deployment: "blue".into() };
    let says = |draining, ttl| Announce { worker: second.clone(), draining, ttl };
    announce(&queue, "blue", false, LONG).await;
    ok(queue.announce(&says(false, LONG)).await);
    announce(&queue, "green", false, LONG).await;
    begin(&queue, "run", "blue").await;
    announce(&queue, "blue", true, LONG).await;
    give_back(&other, "green", Prefer, &[]).await;
    ok(queue.announce(&says(true, LONG)).await);
    give_back(&other, "green", Prefer, &["run"]).await;
    // It is green's from now on, whatever becomes of blue.
    announce(&queue, "blue", false, LONG).await;
    give_back(&queue, "blue", Prefer, &[]).await;
    announce(&other, "green", false, Duration::ZERO).await;
    give_back(&queue, "blue", Prefer, &["run"]).await;
    ok(queue.announce(&says(false, Duration::ZERO)).await);
    announce(&queue, "blue", false, BRIEF).await;
    give_back(&other, "green", Prefer, &[]).await;
    let moved = await_one(&other, &by("green", Prefer)).await;
    assert_eq!(moved.lease.run, run_id("run"));
}

pub(super) async fn b3_a_pinned_run_never_moves(Fixture { queue, other, .. }: Fixture) {
    announce(&queue, "blue", false, LONG).await;
    begin(&queue, "run", "blue").await;
    announce(&queue, "blue", false, Duration::ZERO).await;
    announce(&queue, "green", false, LONG).await;
    put(&queue, &entry("fresh")).await;
    give_back(&other, "green", Pin, &["fresh"]).await;
    give_back(&other, "blue", Pin, &["run"]).await;
    give_back(&other, "green", Prefer, &["fresh", "run"]).await;
}

pub(super) async fn b4_the_newest_deployment_takes_all(Fixture { queue, other, .. }: Fixture) {
    give_back(&queue, "blue", Latest, &[]).await;
    announce(&queue, "blue", false, LONG).await;
    begin(&queue, "run", "blue").await;
    put(&queue, &entry("fresh")).await;
    announce(&other, "green", false, LONG).await;
    // To say so again makes nobody newer.
    announce(&queue, "blue", false, LONG).await;
    give_back(&queue, "blue", Latest, &[]).await;
    give_back(&other, "green", Latest, &["fresh", "run"]).await;
    announce(&other, "green", true, LONG).await;
    give_back(&other, "green", Latest, &[]).await;
    give_back(&queue, "blue", Latest, &["fresh", "run"]).await;
}

pub(super) async fn b5_a_grant_says_from_where_it_moved(Fixture { queue, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    for (deployment, from) in [("a", None), ("a", None), ("b", Some("a")), ("b", None), ("a", Some("b"))] {
        let grants = ok(queue.claim(&by(deployment, Prefer)).await).grants;
        let moved: Vec<_> = grants.iter().map(|grant| grant.moved_from.as_deref()).collect();
        assert_eq!(moved, [from], "by {deployment}");
        release(&queue, &grants[0].lease, Release::Back).await;
    }
}
