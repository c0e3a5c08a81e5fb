//! L: limits across the fleet.

use std::{collections::BTreeMap, time::Duration};

use super::{Fixture, kit::*};
use crate::queue::{Enqueue, Grant, Limit, MAX_CLAIM, Park, QueueState, Release, Wake};

fn limited(run: &str, limits: &[Limit]) -> Enqueue {
    Enqueue { limits: limits.to_vec(), ..entry(run) }
}

/// Queues `count` runs, named after `name`.
async fn burst(queue: &Queue, name: &str, count: usize, limits: &[Limit]) {
    for n in 0..count {
        put(queue, &limited(&format!("{name}-{n}"), limits)).await;
    }
}

fn count(grants: &[Grant], name: &str) -> usize {
    names(grants).iter().filter(|run| run.starts_with(name)).count()
}

async fn done(queue: &Queue, grant: &Grant) {
    release(queue, &grant.lease, Release::Done).await;
}

pub(super) async fn l1_no_more_than_the_limit_at_once(Fixture { queue, other, .. }: Fixture) {
    burst(&queue, "a", 10, &[limit("group", "a", 3)]).await;
    burst(&queue, "b", 10, &[limit("group", "b", 1)]).await;
    // The same key under another name is another limit.
    burst(&queue, "c", 10, &[limit("another", "a", 2)]).await;
    let mut held = claim(&queue, 64).await;
    held.extend(claim(&other, 64).await);
    let mut came = held.len();
    assert_eq!((count(&held, "a"), count(&held, "b"), count(&held, "c")), (3, 1, 2));
    while let Some(grant) = held.pop() {
        assert_eq!(claim(&other, 64).await.len(), 0);
        done(&queue, &grant).await;
        let more = claim(&other, 64).await;
        came += more.len();
        held.extend(more);
        assert!(count(&held, "a") <= 3 && count(&held, "b") <= 1 && count(&held, "c") <= 2, "{held:?}");
    }
    assert_eq!((came, ok(queue.stats().await)), (30, crate::queue::QueueStats::default()));
}

pub(super) async fn l2_keys_take_turns(Fixture { queue, .. }: Fixture) {
    const BURST: usize = 1_000;
    burst(&queue, "a", BURST, &[limit("group", "a", 100)]).await;
    burst(&queue, "b", 3, &[limit("group", "b", 100)]).await;
    put(&queue, &limited("c-0", &[limit("group", "c", 100)])).await;
    let first = names(&claim(&queue, 8).await);
    let of = |name: &str| first.iter().filter(|run| run.starts_with(name)).count();
    assert_eq!((of("b"), of("c")), (3, 1), "{first:?}");
    assert!(!first.windows(2).take(5).any(|two| two[0][..1] == two[1][..1]), "{first:?}");
    // Who comes late does not wait for the burst either.
    let came = claim(&queue, 20).await;
    assert_eq!(count(&came, "a"), 20);
    put(&queue, &limited("d-0", &[limit("group", "d", 1)])).await;
    assert_eq!(count(&claim(&queue, 2).await, "d"), 1);
}

pub(super) async fn l3_a_full_limit_holds_up_no_other(Fixture { queue, .. }: Fixture) {
    burst(&queue, "a", 500, &[limit("group", "a", 1)]).await;
    burst(&queue, "b", 500, &[limit("whole", "", 2)]).await;
    let full = claim(&queue, MAX_CLAIM).await;
    assert_eq!((count(&full, "a"), count(&full, "b")), (1, 2));
    burst(&queue, "free", 1, &[]).await;
    burst(&queue, "other", 1, &[limit("group", "z", 1)]).await;
    let came = claim(&queue, 2).await;
    assert_eq!((count(&came, "free"), count(&came, "other")), (1, 1), "{came:?}");
    let stats = ok(queue.stats().await);
    assert_eq!((stats.ready + stats.held, stats.leased), (997, 5));
}

pub(super) async fn l4_whatever_ends_a_lease_makes_room(Fixture { queue, .. }: Fixture) {
    let only = [limit("group", "key", 1)];
    burst(&queue, "run", 7, &only).await;
    let ways = [
        Release::Done,
        Release::Retry(LATER),
        Release::Dead,
        Release::Park(Park::for_message(0)),
        Release::Back,
    ];
    for how in ways {
        let grant = claim_one(&queue).await;
        assert_eq!(claim(&queue, 9).await.len(), 0, "before {how:?}");
        release(&queue, &grant.lease, how).await;
    }
    let lease = ok(queue.claim(&ask(9, Duration::from_millis(1))).await).grants;
    assert_eq!(lease.len(), 1);
    let next = await_one(&queue, &ask(1, LONG)).await;
    // What comes back takes its place in the line again.
    assert!(ok(queue.wake(&run_id("run-3"), Wake::Now).await));
    assert_eq!(claim(&queue, 9).await.len(), 0);
    done(&queue, &next).await;
    let mut rest = 0;
    while let Some(grant) = claim(&queue, 9).await.pop() {
        done(&queue, &grant).await;
        rest += 1;
    }
    assert_eq!(rest, 3, "{:?}", ok(queue.stats().await));
}

pub(super) async fn l5_several_limits_are_all_kept(Fixture { queue, .. }: Fixture) {
    let whole = limit("whole", "", 3);
    for n in 0..4 {
        for key in ["a", "b", "c"] {
            // The order in which they are given does not matter.
            let limits = if n % 2 == 0 {
                [limit("by", key, 2), whole.clone()]
            } else {
                [whole.clone(), limit("by", key, 2)]
            };
            put(&queue, &limited(&format!("{key}-{n}"), &limits)).await;
        }
    }
    let alone = limited("alone", &[limit("by", "a", 2)]);
    let mut held = claim(&queue, 64).await;
    assert_eq!([count(&held, "a"), count(&held, "b"), count(&held, "c")], [1, 1, 1]);
    // Two of this key wait for the whole; they take no room from one that only needs the key's.
    put(&queue, &Enqueue { priority: 1, ..alone }).await;
    assert_eq!(names(&claim(&queue, 64).await), ["alone"]);
    assert_eq!(claim(&queue, 64).await.len(), 0);
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(grant) = held.pop() {
        *all.entry(grant.lease.run.to_string()).or_default() += 1;
        done(&queue, &grant).await;
        held.extend(claim(&queue, 64).await);
        assert!(held.len() <= 3 && count(&held, "a") <= 1, "{held:?}");
    }
    assert_eq!((all.len(), all.values().max()), (12, Some(&1)), "{all:?}");
}

pub(super) async fn l6_priority_within_a_key(Fixture { queue, .. }: Fixture) {
    let by = |priority, run: &str| Enqueue { priority, ..limited(run, &[limit("group", "key", 1)]) };
    for entry in [by(0, "first"), by(0, "second"), by(-5, "low"), by(7, "high"), by(3, "middle")] {
        put(&queue, &entry).await;
    }
    let mut order = Vec::new();
    while let Some(grant) = claim(&queue, 9).await.pop() {
        order.push(grant.lease.run.to_string());
        done(&queue, &grant).await;
    }
    assert_eq!(order, ["high", "middle", "first", "second", "low"]);
    assert_eq!(state(&queue, &run_id("low")).await, None::<QueueState>);
}
