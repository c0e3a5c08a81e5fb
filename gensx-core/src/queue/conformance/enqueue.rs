//! E: what is queued.

use std::{sync::Arc, time::Duration};

use super::{Fixture, kit::*};
use crate::{
    queue::{
        DEFAULT_MAX_WAITING, Due, Enqueue, Enqueued, IdempotencyKey, MAX_LIMITS_PER_RUN, QueueErrorKind,
        QueueState, Release, Renewed,
    },
    sink::Payload,
};

pub(super) async fn e1_a_fresh_run_may_be_claimed(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    assert_eq!(state(&other, &run_id("run")).await, Some(QueueState::Ready));
    let grant = claim_one(&other).await;
    assert_eq!((grant.lease.run, &*grant.workflow, grant.claims), (run_id("run"), WORKFLOW, 1));
    assert!(!grant.exhausted && grant.moved_from.is_none() && grant.first.is_none());
}

pub(super) async fn e2_a_run_that_is_queued_is_known(Fixture { queue, other, .. }: Fixture) {
    let again = Enqueue { priority: 9, due: LATER, first: Some(Payload::from(*b"other")), ..entry("run") };
    let known = async || assert_eq!(ok(other.enqueue(&again).await), Enqueued::Known(run_id("run")));
    put(&queue, &entry("run")).await;
    known().await;
    assert_eq!(state(&queue, &again.run).await, Some(QueueState::Ready));
    let grant = claim_one(&queue).await;
    assert_eq!(grant.first, None);
    known().await;
    assert!(matches!(renew(&queue, &grant.lease, LONG).await, Renewed::Kept { .. }));
    release(&queue, &grant.lease, Release::Retry(LATER)).await;
    known().await;
    assert_eq!(state(&queue, &again.run).await, Some(QueueState::Delayed));
    ok(queue.wake(&again.run, crate::queue::Wake::Now).await);
    release(&queue, &claim_one(&queue).await.lease, Release::Dead).await;
    known().await;
    assert_eq!(state(&queue, &again.run).await, Some(QueueState::Dead));
}

pub(super) async fn e3_a_run_that_is_done_is_fresh_again(Fixture { queue, .. }: Fixture) {
    put(&queue, &entry("run")).await;
    release(&queue, &claim_one(&queue).await.lease, Release::Done).await;
    put(&queue, &entry("run")).await;
    ok(queue.remove(&run_id("run")).await);
    put(&queue, &entry("run")).await;
    assert_eq!(claim_one(&queue).await.claims, 1);
}

fn keyed(run: &str, key: &str, ttl: Duration) -> Enqueue {
    Enqueue { key: Some(IdempotencyKey { key: key.into(), ttl }), ..entry(run) }
}

pub(super) async fn e4_an_idempotency_key_gives_the_first_run(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &keyed("first", "order 42", LONG)).await;
    let second = keyed("second", "order 42", LONG);
    assert_eq!(ok(other.enqueue(&second).await), Enqueued::Known(run_id("first")));
    assert_eq!(state(&queue, &second.run).await, None);
    put(&other, &keyed("third", "order 43", LONG)).await;
}

pub(super) async fn e5_a_key_is_remembered_for_its_time_and_workflow(Fixture { queue, .. }: Fixture) {
    put(&queue, &keyed("first", "key", LONG)).await;
    release(&queue, &claim_one(&queue).await.lease, Release::Done).await;
    assert_eq!(ok(queue.enqueue(&keyed("second", "key", LONG)).await), Enqueued::Known(run_id("first")));
    put(&queue, &Enqueue { workflow: "another".into(), ..keyed("elsewhere", "key", LONG) }).await;
    put(&queue, &keyed("brief", "lapses", BRIEF)).await;
    pause(BRIEF * 2).await;
    put(&queue, &keyed("after", "lapses", LONG)).await;
}

pub(super) async fn e6_a_run_is_not_given_before_its_time(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &Enqueue { due: SHORTLY, ..entry("soon") }).await;
    put(&queue, &Enqueue { due: LATER, ..entry("later") }).await;
    put(&queue, &Enqueue { due: Due::AtMs(1), ..entry("past") }).await;
    assert_eq!(names(&claim(&other, 9).await), ["past"]);
    let queued = ok(queue.find(&run_id("soon")).await).unwrap_or_else(|| panic!("it is gone"));
    assert_eq!(queued.state, QueueState::Delayed);
    // By the store's own time: one that is due just before is due before.
    let at = queued.due_ms.unwrap_or_default();
    put(&queue, &Enqueue { due: Due::AtMs(at + 1), priority: 1, ..entry("next") }).await;
    let mut came = vec![await_one(&queue, &ask(1, LONG)).await.lease.run.to_string()];
    came.push(await_one(&queue, &ask(1, LONG)).await.lease.run.to_string());
    came.sort();
    assert_eq!(came, ["next", "soon"]);
    assert_eq!(claim(&queue, 9).await.len(), 0);
}

pub(super) async fn e7_a_full_queue_refuses(Fixture { queue, .. }: Fixture) {
    let bounded = |run: &str| Enqueue { max_waiting: 3, ..entry(run) };
    put(&queue, &bounded("ready")).await;
    put(&queue, &Enqueue { due: LATER, ..bounded("delayed") }).await;
    put(&queue, &bounded("leased")).await;
    let late = Enqueue { key: Some(IdempotencyKey { key: "late".into(), ttl: LONG }), ..bounded("late") };
    assert_eq!(refused(queue.enqueue(&late).await), QueueErrorKind::Full);
    assert_eq!(state(&queue, &late.run).await, None);
    assert_eq!(ok(queue.enqueue(&bounded("ready")).await), Enqueued::Known(run_id("ready")));
    claim_one(&queue).await;
    put(&queue, &late).await;
}

pub(super) async fn e8_the_first_event_comes_until_the_stream_exists(Fixture { queue, other, .. }: Fixture) {
    let first: Payload = (0..=255).collect();
    put(&queue, &Enqueue { first: Some(Arc::clone(&first)), ..entry("run") }).await;
    let grant = claim_one(&other).await;
    assert_eq!(grant.first.as_ref(), Some(&first));
    renew(&queue, &grant.lease, LONG).await;
    ok(queue.release(&grant.lease, &Release::Back, false).await);
    let grant = claim_one(&other).await;
    assert_eq!(grant.first.as_ref(), Some(&first));
    let told = crate::queue::Renewal { lease: grant.lease.clone(), opened: true, progressed: false };
    ok(other.renew(&[told], LONG).await);
    ok(queue.release(&grant.lease, &Release::Back, false).await);
    assert_eq!(claim_one(&queue).await.first, None);
    put(&queue, &Enqueue { first: Some(first), ..entry("other") }).await;
    let grant = claim_one(&queue).await;
    ok(queue.release(&grant.lease, &Release::Back, true).await);
    assert_eq!(claim_one(&queue).await.first, None);
}

pub(super) async fn e9_what_no_store_takes_is_refused(Fixture { queue, .. }: Fixture) {
    let long = "n".repeat(257);
    let many = (0..=MAX_LIMITS_PER_RUN).map(|n| limit("many", &n.to_string(), 1)).collect();
    let bad = [
        Enqueue { workflow: "".into(), ..entry("run") },
        Enqueue { workflow: "a\0b".into(), ..entry("run") },
        Enqueue { workflow: long.as_str().into(), ..entry("run") },
        Enqueue { key: Some(IdempotencyKey { key: "".into(), ttl: LONG }), ..entry("run") },
        Enqueue { limits: many, ..entry("run") },
        Enqueue { limits: vec![limit("none", "", 0)], ..entry("run") },
        Enqueue { limits: vec![limit("twice", "k", 1), limit("twice", "k", 2)], ..entry("run") },
        Enqueue { limits: vec![limit("name", "two\nlines", 1)], ..entry("run") },
    ];
    for entry in &bad {
        assert_eq!(refused(queue.enqueue(entry).await), QueueErrorKind::Invalid, "{entry:?}");
    }
    assert_eq!(ok(queue.stats().await), crate::queue::QueueStats::default());
    let fine =
        Enqueue { max_waiting: DEFAULT_MAX_WAITING, ..Enqueue::new(run_id("run"), "Größe 4 {x} : y") };
    put(&queue, &fine).await;
}
