//! W: how workers learn of work.

use std::{collections::BTreeSet, pin::pin};

use futures_util::poll;

use super::{Fixture, kit::*};
use crate::{
    clock::BoxFuture,
    queue::{Due, Enqueue, Park, Release, Wake},
};

const ROUNDS: u64 = 20;

async fn cursor(queue: &Queue) -> u64 {
    ok(queue.claim(&ask(0, LONG)).await).cursor
}

pub(super) async fn w1_a_wait_for_what_came_returns_at_once(Fixture { queue, other, .. }: Fixture) {
    let (mine, others) = (cursor(&queue).await, cursor(&other).await);
    put(&queue, &entry("run")).await;
    within(SOON, "a wait", async { ok(queue.wait(&ask(1, LONG), mine).await) }).await;
    within(SOON, "a wait by the other handle", async { ok(other.wait(&ask(1, LONG), others).await) }).await;
}

pub(super) async fn w2_a_wait_returns_after_an_enqueue(Fixture { queue, other, .. }: Fixture) {
    for round in 0..ROUNDS {
        let (run, only) = (format!("run-{round}"), [limit("group", "key", 1)]);
        let entry = Enqueue { limits: only.to_vec(), ..entry(&run) };
        wakes(&queue, &other, async { put(&queue, &entry).await }).await;
        let grant = claim_one(&other).await;
        release(&queue, &grant.lease, Release::Park(Park::for_message(grant.wakes))).await;
        wakes(&queue, &other, async {
            assert!(ok(other.wake(&grant.lease.run, Wake::Message).await));
        })
        .await;
        let (first, next) = (claim_one(&queue).await, format!("next-{round}"));
        put(&queue, &Enqueue { run: run_id(&next), ..entry }).await;
        wakes(&queue, &other, async { release(&queue, &first.lease, Release::Done).await }).await;
        release(&queue, &claim_one(&queue).await.lease, Release::Done).await;
    }
}

/// Demands that what is done ends the waits of both handles.
async fn wakes(queue: &Queue, other: &Queue, work: impl Future<Output = ()>) {
    let (ask, mine, others) = (ask(1, LONG), cursor(queue).await, cursor(other).await);
    let mut waits = pin!(async { tokio::join!(queue.wait(&ask, mine), other.wait(&ask, others)) });
    // The waits have begun, unless one of them returned early, which is allowed.
    let early = poll!(waits.as_mut()).is_ready();
    work.await;
    if !early {
        let (one, two) = within(SOON, "waits after a change", waits).await;
        ok(one.and(two));
    }
}

pub(super) async fn w3_a_worker_that_waits_and_claims_gets_everything(Fixture { queue, other, .. }: Fixture) {
    const RUNS: usize = 200;
    let client: BoxFuture<BTreeSet<String>> = {
        let queue = queue.clone();
        Box::pin(async move {
            for n in 0..RUNS {
                put(&queue, &entry(&format!("run-{n}"))).await;
            }
            BTreeSet::new()
        })
    };
    let worker: BoxFuture<BTreeSet<String>> = Box::pin(async move {
        let mut all = BTreeSet::new();
        while all.len() < RUNS {
            let answer = ok(other.claim(&ask(7, LONG)).await);
            if answer.grants.is_empty() {
                within(SOON, "a wait for work", async { ok(other.wait(&ask(7, LONG), answer.cursor).await) })
                    .await;
            }
            all.extend(names(&answer.grants));
        }
        all
    });
    let all = at_once(vec![client, worker]).await;
    assert_eq!(all[1].len(), RUNS);
}

pub(super) async fn w4_a_wait_returns_when_something_is_due_earlier(Fixture { queue, other, .. }: Fixture) {
    put(&queue, &Enqueue { due: LATER, ..entry("later") }).await;
    let sooner = Enqueue { due: Due::After(LONG / 2), ..entry("sooner") };
    wakes(&queue, &other, async { put(&queue, &sooner).await }).await;
    put(&queue, &entry("parked")).await;
    let grant = claim_one(&queue).await;
    let park = Release::Park(Park::until(Due::After(LONG / 4), grant.wakes));
    wakes(&queue, &other, async { release(&other, &grant.lease, park).await }).await;
}
