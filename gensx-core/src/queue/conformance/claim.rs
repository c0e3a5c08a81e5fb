//! C: what is given out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Fixture, kit::*};
use crate::{
    clock::BoxFuture,
    queue::{
        Claim, Due, Enqueue, MAX_CLAIM, MAX_CLAIM_WORKFLOWS, MAX_DUE_PER_CALL, MovePolicy, QueueErrorKind,
        QueueState, Release,
    },
};

pub(super) async fn c1_only_named_workflows_and_so_many(Fixture { queue, .. }: Fixture) {
    for n in 0..MAX_CLAIM + 10 {
        put(&queue, &entry(&format!("run-{n}"))).await;
    }
    put(&queue, &Enqueue { workflow: "conformance2".into(), ..entry("other") }).await;
    put(&queue, &Enqueue { workflow: "conf".into(), ..entry("shorter") }).await;
    assert_eq!(claim(&queue, 0).await.len(), 0);
    assert_eq!(claim(&queue, 3).await.len(), 3);
    assert_eq!(claim(&queue, usize::MAX).await.len(), MAX_CLAIM);
    assert_eq!(claim(&queue, usize::MAX).await.len(), 7);
    let none = Claim { workflows: Vec::new(), ..ask(9, LONG) };
    assert_eq!(claimed(&queue, &none).await.len(), 0);
    let others = ["conf", "conformance2"].map(|name| wanted(name, MovePolicy::Prefer)).to_vec();
    let mut came = claimed(&queue, &Claim { workflows: others, ..ask(9, LONG) }).await;
    came.sort();
    assert_eq!(came, ["other", "shorter"]);
    let many = (0..=MAX_CLAIM_WORKFLOWS).map(|n| wanted(&n.to_string(), MovePolicy::Pin)).collect();
    let bad = Claim { workflows: many, ..ask(1, LONG) };
    assert_eq!(refused(queue.claim(&bad).await), QueueErrorKind::Invalid);
}

pub(super) async fn c2_a_leased_run_is_given_to_nobody_else(Fixture { queue, other, .. }: Fixture) {
    put_all(&queue, &["a", "b"]).await;
    let mut leases = BTreeSet::new();
    for _ in 0..20 {
        let (first, second) = (claim_one(&queue).await, claim_one(&other).await);
        assert_eq!(claim(&queue, 9).await.len() + claim(&other, 9).await.len(), 0);
        for grant in [&first, &second] {
            assert_eq!(grant.lease.worker, worker("v1").id);
            assert!(leases.insert(grant.lease.number), "{:?} was given before", grant.lease);
            release(&queue, &grant.lease, Release::Back).await;
        }
    }
}

pub(super) async fn c3_priority_then_arrival(Fixture { queue, .. }: Fixture) {
    let with = |run: &str, priority| Enqueue { priority, ..entry(run) };
    for entry in [
        with("low", -128),
        with("b", 0),
        with("a", 0),
        with("high", 100),
        with("c", 0),
        with("minus", -1),
        with("highest", 127),
    ] {
        put(&queue, &entry).await;
    }
    assert_eq!(names(&claim(&queue, 9).await), ["highest", "high", "b", "a", "c", "minus", "low"]);
    put_all(&queue, &["x", "y"]).await;
    let first = claim_one(&queue).await;
    release(&queue, &first.lease, Release::Back).await;
    // It became ready again after the other one.
    assert_eq!(names(&claim(&queue, 9).await), ["y", "x"]);
}

pub(super) async fn c4_workflows_take_turns(Fixture { queue, .. }: Fixture) {
    for n in 0..200 {
        put(&queue, &Enqueue { workflow: "busy".into(), ..entry(&format!("busy-{n}")) }).await;
    }
    for n in 0..5 {
        put(&queue, &Enqueue { workflow: "quiet".into(), ..entry(&format!("quiet-{n}")) }).await;
    }
    let both = ["busy", "quiet"].map(|name| wanted(name, MovePolicy::Prefer)).to_vec();
    let (one, ten) = (Claim { workflows: both, ..ask(1, LONG) }, 10);
    let mut came = Vec::new();
    for _ in 0..4 {
        came.extend(claimed(&queue, &one).await);
    }
    let quiet = |came: &[String]| came.iter().filter(|run| run.starts_with("quiet")).count();
    assert_eq!(quiet(&came), 2, "{came:?}");
    came.extend(claimed(&queue, &Claim { max_runs: ten, ..one.clone() }).await);
    assert_eq!(quiet(&came), 5, "{came:?}");
    // A higher priority does not wait for a turn.
    put(&queue, &Enqueue { workflow: "quiet".into(), priority: 1, ..entry("urgent-1") }).await;
    put(&queue, &Enqueue { workflow: "quiet".into(), priority: 1, ..entry("urgent-2") }).await;
    assert_eq!(claimed(&queue, &Claim { max_runs: 2, ..one }).await, ["urgent-1", "urgent-2"]);
}

pub(super) async fn c5_a_lease_that_ran_out_is_given_again(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    let first = ok(queue.claim(&ask(1, BRIEF)).await).grants;
    assert_eq!(first.len(), 1);
    assert_eq!(claim(&other, 1).await.len(), 0);
    let second = await_one(&other, &ask(1, LONG)).await;
    assert_eq!((second.claims, second.exhausted), (2, false));
    assert_ne!(second.lease, first[0].lease);
}

pub(super) async fn c6_after_so_many_claims_a_run_is_exhausted(Fixture { queue, .. }: Fixture) {
    put(&queue, &entry("poison")).await;
    for claims in 1..=MAX_CLAIMS + 2 {
        let grant = await_one(&queue, &ask(1, Duration::from_millis(30))).await;
        assert_eq!((grant.claims, grant.exhausted), (claims, claims > MAX_CLAIMS));
    }
    let grant = await_one(&queue, &ask(1, LONG)).await;
    assert!(grant.exhausted);
    release(&queue, &grant.lease, Release::Dead).await;
    assert_eq!(state(&queue, &run_id("poison")).await, Some(QueueState::Dead));
}

pub(super) async fn c7_the_answer_says_when_something_is_due(Fixture { queue, other, .. }: Fixture) {
    let next_due = async |queue: &Queue| ok(queue.claim(&ask(9, LONG)).await).next_due;
    assert_eq!(next_due(&queue).await, None);
    put(&queue, &Enqueue { due: LATER, workflow: "another".into(), ..entry("later") }).await;
    let close = |due: Option<Duration>, about: Duration| {
        let due = due.unwrap_or_else(|| panic!("nothing is due"));
        assert!(due <= about && due + SOON > about, "{due:?} is not about {about:?}");
    };
    close(next_due(&other).await, LONG);
    put(&queue, &Enqueue { due: Due::After(LONG / 2), ..entry("sooner") }).await;
    close(next_due(&queue).await, LONG / 2);
    put(&queue, &entry("now")).await;
    let leased = ok(queue.claim(&ask(9, LONG / 4)).await);
    assert_eq!(leased.grants.len(), 1);
    close(leased.next_due, LONG / 4);
}

pub(super) async fn c8_claims_that_race_share_the_runs(Fixture { queue, other, .. }: Fixture) {
    const RUNS: usize = 200;
    const RACERS: usize = 8;
    for n in 0..RUNS {
        put(&queue, &entry(&format!("run-{n}"))).await;
    }
    let racer = |n: usize| -> BoxFuture<Vec<String>> {
        let queue = if n.is_multiple_of(2) { queue.clone() } else { other.clone() };
        Box::pin(async move {
            let mut all = Vec::new();
            loop {
                let came = claimed(&queue, &ask(3, LONG)).await;
                if came.is_empty() {
                    return all;
                }
                all.extend(came);
            }
        })
    };
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for run in at_once((0..RACERS).map(racer).collect()).await.into_iter().flatten() {
        *times.entry(run).or_default() += 1;
    }
    assert_eq!(times.len(), RUNS);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

pub(super) async fn c9_many_due_at_once_all_come_back(Fixture { queue, .. }: Fixture) {
    let runs = MAX_DUE_PER_CALL * 3 + 7;
    for n in 0..runs {
        put(&queue, &Enqueue { due: Due::After(Duration::from_millis(1)), ..entry(&format!("run-{n}")) })
            .await;
    }
    pause(BRIEF).await;
    let mut came = BTreeSet::new();
    for round in 0.. {
        assert!(round < 100, "only {} of {runs} came back", came.len());
        let answer = ok(queue.claim(&ask(MAX_CLAIM, LONG)).await);
        came.extend(names(&answer.grants));
        if came.len() == runs {
            break;
        }
        let promised = answer.next_due.is_some_and(|due| due.is_zero()) || answer.grants.len() == MAX_CLAIM;
        assert!(promised, "{} are to come, and the claim does not say so", runs - came.len());
    }
}
