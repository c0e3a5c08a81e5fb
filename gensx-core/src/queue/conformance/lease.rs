//! N and F: leases, and how they end.

use std::time::Duration;

use super::{Fixture, kit::*};
use crate::queue::{Due, Enqueue, Lease, Park, QueueState, Release, Released, Renewal, Renewed, Wake};

pub(super) async fn n1_a_renewed_lease_lasts(Fixture { queue, other, .. }: Fixture) {
    put_all(&queue, &["kept", "left"]).await;
    let grants = ok(queue.claim(&ask(2, BRIEF)).await).grants;
    assert_eq!(renew(&other, &grants[0].lease, LONG).await, Renewed::Kept { wakes: 0 });
    let back = await_one(&queue, &ask(9, LONG)).await;
    assert_eq!(back.lease.run, run_id("left"));
    assert_eq!(claim(&queue, 9).await.len(), 0);
    // Shortened, it ends sooner.
    renew(&queue, &grants[0].lease, Duration::from_millis(1)).await;
    assert_eq!(await_one(&queue, &ask(9, LONG)).await.lease.run, run_id("kept"));
}

pub(super) async fn n2_a_lease_that_is_not_held_is_lost(Fixture { queue, .. }: Fixture) {
    put_all(&queue, &["released", "taken-back", "kept"]).await;
    let grants = claim(&queue, 3).await;
    release(&queue, &grants[0].lease, Release::Done).await;
    renew(&queue, &grants[1].lease, Duration::from_millis(1)).await;
    let again = await_one(&queue, &ask(1, LONG)).await;
    assert_eq!(again.lease.run, grants[1].lease.run);
    let foreign = Lease { worker: worker("v2").id, ..grants[2].lease.clone() };
    let never = Lease { run: run_id("never"), ..grants[2].lease.clone() };
    let asked = [&grants[0].lease, &grants[1].lease, &foreign, &grants[2].lease, &never, &again.lease];
    let answers = ok(queue.renew(&asked.map(renewal), LONG).await);
    let kept = Renewed::Kept { wakes: 0 };
    assert_eq!(answers, [Renewed::Lost, Renewed::Lost, Renewed::Lost, kept, Renewed::Lost, kept]);
    assert_eq!(ok(queue.renew(&[], LONG).await), []);
}

pub(super) async fn n3_a_renewal_tells_the_wakes(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    assert!(ok(queue.wake(&run_id("run"), Wake::Message).await));
    let grant = claim_one(&queue).await;
    assert_eq!(grant.wakes, 1);
    for (n, why) in [Wake::Message, Wake::Now, Wake::Message].into_iter().enumerate() {
        assert!(ok(other.wake(&run_id("run"), why).await));
        assert_eq!(renew(&queue, &grant.lease, LONG).await, Renewed::Kept { wakes: n as u64 + 2 });
    }
}

pub(super) async fn n4_after_progress_the_claims_before_do_not_count(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    for _ in 0..2 {
        for claims in 1..MAX_CLAIMS {
            let grant = claim_one(&queue).await;
            assert_eq!(grant.claims, claims);
            release(&queue, &grant.lease, Release::Retry(Due::Now)).await;
        }
        let grant = claim_one(&queue).await;
        assert_eq!((grant.claims, grant.exhausted), (MAX_CLAIMS, false));
        let told = Renewal { progressed: true, ..renewal(&grant.lease) };
        for _ in 0..2 {
            ok(other.renew(std::slice::from_ref(&told), LONG).await);
        }
        // It is the first claim now, and one that does not count.
        release(&queue, &grant.lease, Release::Back).await;
    }
    assert_eq!(claim_one(&queue).await.claims, 1);
}

pub(super) async fn f1_done_is_forgotten(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    release(&queue, &claim_one(&queue).await.lease, Release::Done).await;
    assert_eq!(ok(other.find(&run_id("run")).await), None);
    assert_eq!(claim(&other, 9).await.len(), 0);
    assert_eq!(ok(queue.stats().await), crate::queue::QueueStats::default());
    assert_eq!(ok(queue.deployments().await), []);
}

pub(super) async fn f2_back_is_ready_and_does_not_count(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    for _ in 0..MAX_CLAIMS * 2 {
        let grant = claim_one(&other).await;
        assert_eq!((grant.claims, grant.exhausted), (1, false));
        release(&queue, &grant.lease, Release::Back).await;
        assert_eq!(state(&queue, &run_id("run")).await, Some(QueueState::Ready));
    }
}

pub(super) async fn f3_retry_waits_and_counts(Fixture { queue, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    release(&queue, &claim_one(&queue).await.lease, Release::Retry(SHORTLY)).await;
    assert_eq!(state(&queue, &run_id("run")).await, Some(QueueState::Delayed));
    assert_eq!(claim(&queue, 9).await.len(), 0);
    let grant = await_one(&queue, &ask(1, LONG)).await;
    assert_eq!(grant.claims, 2);
    release(&queue, &grant.lease, Release::Retry(crate::queue::Due::Now)).await;
    assert_eq!(claim_one(&queue).await.claims, 3);
}

pub(super) async fn f4_dead_is_listed_and_not_given(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    release(&queue, &claim_one(&queue).await.lease, Release::Dead).await;
    assert_eq!(claim(&other, 9).await.len(), 0);
    let dead = ok(other.dead(None, 9).await);
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0].run, &*dead[0].workflow, dead[0].claims), (&run_id("run"), WORKFLOW, 1));
    assert!(dead[0].since_ms > 0);
}

pub(super) async fn f5_a_lease_that_is_not_held_changes_nothing(Fixture { queue, other, .. }: Fixture) {
    put_all(&queue, &["run", "gone"]).await;
    let stale = ok(queue.claim(&ask(1, Duration::from_millis(1))).await).grants.remove(0).lease;
    let gone = claim_one(&queue).await.lease;
    release(&queue, &gone, Release::Done).await;
    let held = await_one(&queue, &ask(1, LONG)).await.lease;
    let before = ok(queue.find(&held.run).await);
    let foreign = Lease { worker: worker("v2").id, ..held.clone() };
    for lease in [&stale, &foreign, &gone] {
        let park = Release::Park(Park::for_message(0));
        for how in [Release::Done, Release::Back, Release::Retry(LATER), park, Release::Dead] {
            assert_eq!(ok(other.release(lease, &how, true).await), Released::Lost, "{how:?}");
            assert_eq!(ok(queue.find(&held.run).await), before, "{how:?}");
        }
    }
    let first = Some(crate::sink::Payload::from(*b"first"));
    put(&queue, &Enqueue { first: first.clone(), ..entry("unopened") }).await;
    let lease = claim_one(&queue).await.lease;
    release_unopened(&queue, &lease).await;
    assert_eq!(ok(queue.release(&lease, &Release::Done, true).await), Released::Lost);
    assert_eq!(claim_one(&queue).await.first, first);
}

async fn release_unopened(queue: &Queue, lease: &Lease) {
    assert_eq!(ok(queue.release(lease, &Release::Back, false).await), Released::Released);
}
