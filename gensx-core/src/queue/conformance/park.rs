//! P and K: runs that wait, and what wakes them.

use super::{Fixture, kit::*};
use crate::queue::{Due, Enqueue, Grant, Park, QueueState, Release, Released, Renewed, Wake};

async fn park(queue: &Queue, grant: &Grant, park: Park) -> Released {
    ok(queue.release(&grant.lease, &Release::Park(park), true).await)
}

async fn ready(queue: &Queue) -> usize {
    usize::try_from(ok(queue.stats().await).ready).unwrap_or(usize::MAX)
}

pub(super) async fn p1_parked_until_its_time(Fixture { queue, other, .. }: Fixture) {
    put_all(&queue, &["run", "past"]).await;
    let grants = claim(&queue, 2).await;
    assert_eq!(park(&queue, &grants[0], Park::until(SHORTLY, 0)).await, Released::Released);
    assert_eq!(park(&queue, &grants[1], Park::until(Due::AtMs(1), 0)).await, Released::Released);
    assert_eq!(names(&claim(&other, 9).await), ["past"]);
    assert!(ok(other.wake(&run_id("run"), Wake::Message).await));
    assert_eq!(state(&queue, &run_id("run")).await, Some(QueueState::Parked));
    let grant = await_one(&other, &ask(1, LONG)).await;
    assert_eq!((grant.lease.run.as_str(), grant.wakes), ("run", 1));
}

pub(super) async fn p2_parked_for_a_message(Fixture { queue, other, .. }: Fixture) {
    put_all(&queue, &["patient", "either"]).await;
    let grants = claim(&queue, 2).await;
    park(&queue, &grants[0], Park::for_message(0)).await;
    park(&queue, &grants[1], Park { due: Some(SHORTLY), ..Park::for_message(0) }).await;
    assert_eq!(await_one(&queue, &ask(9, LONG)).await.lease.run, run_id("either"));
    assert_eq!(claim(&queue, 9).await.len(), 0);
    assert!(ok(other.wake(&run_id("patient"), Wake::Message).await));
    let grant = claim_one(&queue).await;
    assert_eq!((grant.lease.run.as_str(), grant.wakes), ("patient", 1));
    // Woken when it has both, it is no more in the way at its time.
    park(&queue, &grant, Park { due: Some(SHORTLY), on_message: true, seen_wakes: 1 }).await;
    ok(other.wake(&run_id("patient"), Wake::Message).await);
    claim_one(&queue).await;
    pause(BRIEF * 2).await;
    assert_eq!(claim(&queue, 9).await.len(), 0);
}

pub(super) async fn p3_a_wake_before_the_park_is_not_missed(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    let for_time = |seen| Park::until(LATER, seen);
    let rounds = [
        (Wake::Message, Released::Woken, Park::for_message as fn(u64) -> Park),
        (Wake::Now, Released::Woken, Park::for_message),
        (Wake::Now, Released::Woken, for_time),
        (Wake::Message, Released::Released, for_time),
    ];
    for (seen, (why, wanted, park_as)) in (0..).zip(rounds) {
        let grant = claim_one(&queue).await;
        assert_eq!(grant.wakes, seen);
        ok(other.wake(&run_id("run"), why).await);
        assert_eq!(park(&queue, &grant, park_as(seen)).await, wanted, "{why:?}");
        assert_eq!(ready(&queue).await, usize::from(wanted == Released::Woken));
    }
}

pub(super) async fn p4_wakes_that_were_seen_do_not_count(Fixture { queue, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    ok(queue.wake(&run_id("run"), Wake::Now).await);
    let grant = claim_one(&queue).await;
    assert_eq!(park(&queue, &grant, Park::for_message(grant.wakes)).await, Released::Released);
    ok(queue.wake(&run_id("run"), Wake::Message).await);
    let grant = claim_one(&queue).await;
    ok(queue.wake(&run_id("run"), Wake::Message).await);
    let Renewed::Kept { wakes } = renew(&queue, &grant.lease, LONG).await else { panic!("it is lost") };
    assert_eq!(park(&queue, &grant, Park::for_message(wakes)).await, Released::Released);
    assert_eq!(state(&queue, &run_id("run")).await, Some(QueueState::Parked));
}

pub(super) async fn p5_a_park_is_progress(Fixture { queue, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    for _ in 0..2 {
        for claims in 1..MAX_CLAIMS {
            let grant = claim_one(&queue).await;
            assert_eq!(grant.claims, claims);
            release(&queue, &grant.lease, Release::Retry(Due::Now)).await;
        }
        let grant = claim_one(&queue).await;
        assert_eq!((grant.claims, grant.exhausted), (MAX_CLAIMS, false));
        park(&queue, &grant, Park::for_message(grant.wakes)).await;
        ok(queue.wake(&run_id("run"), Wake::Message).await);
    }
}

pub(super) async fn k1_now_wakes_whatever_waits(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &Enqueue { due: LATER, ..entry("start") }).await;
    put_all(&queue, &["retry", "sleep"]).await;
    let grants = claim(&queue, 2).await;
    release(&queue, &grants[0].lease, Release::Retry(LATER)).await;
    park(&queue, &grants[1], Park::until(LATER, 0)).await;
    for run in ["start", "retry", "sleep"] {
        ok(other.wake(&run_id(run), Wake::Message).await);
        assert_eq!(ready(&queue).await, 0, "{run}");
        assert!(ok(other.wake(&run_id(run), Wake::Now).await));
        assert_eq!(claim_one(&queue).await.lease.run, run_id(run));
    }
}

pub(super) async fn k2_an_unknown_run_is_not_woken(Fixture { queue, .. }: Fixture) {
    assert!(!ok(queue.wake(&run_id("unknown"), Wake::Now).await));
    assert_eq!(ok(queue.find(&run_id("unknown")).await), None);
    put(&queue, &entry("run")).await;
    release(&queue, &claim_one(&queue).await.lease, Release::Dead).await;
    assert!(!ok(queue.wake(&run_id("run"), Wake::Now).await));
    assert_eq!(state(&queue, &run_id("run")).await, Some(QueueState::Dead));
}
