//! A queue whose master changes, or whose slot goes to another node.

use std::{sync::Arc, time::Duration};

use gensx_core::{
    RunQueue as _,
    queue::{Enqueued, QueueErrorKind, Release, Released},
};
use gensx_redis::{RedisQueue, RedisSink};
use gensx_test_servers::{RedisCluster, RedisSentinel};
use tokio::task::JoinHandle;

use crate::{
    events::soon,
    work::{LONG, ask, assert_empty, claim, entry, key, put},
};

/// Queues a run, however long it takes until somebody takes it.
async fn put_at_last(queue: &RedisQueue, run: &str) -> Enqueued {
    soon("an enqueue", async {
        loop {
            match queue.enqueue(&entry(run)).await {
                Ok(answer) => return answer,
                Err(error) => assert_eq!(error.kind(), QueueErrorKind::Unavailable, "{error}: {error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// A worker that waits, and claims again though a wait failed.
async fn waits(queue: &Arc<RedisQueue>) -> JoinHandle<()> {
    let (queue, cursor) = (Arc::clone(queue), claim(&**queue, 0).await.cursor);
    let waits = tokio::spawn(async move { while queue.wait(&ask(1, LONG), cursor).await.is_err() {} });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waits.is_finished(), "nothing has come");
    waits
}

/// Claims all that is there, and ends it.
async fn done(queue: &RedisQueue) -> usize {
    let grants = claim(queue, 64).await.grants;
    for grant in &grants {
        assert_eq!(queue.release(&grant.lease, &Release::Done, true).await.unwrap(), Released::Released);
    }
    grants.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_goes_on_when_sentinel_names_another_master() {
    let servers = RedisSentinel::start();
    let queue = Arc::new(RedisSink::connect(&servers.url()).await.unwrap().queue());
    put(&*queue, &entry("before")).await;
    assert_eq!(done(&queue).await, 1);
    let waiting = waits(&queue).await;
    servers.fail_over();
    assert!(matches!(put_at_last(&queue, "after").await, Enqueued::Fresh | Enqueued::Known(_)));
    soon("the wait", waiting).await.unwrap();
    assert_eq!(done(&queue).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_goes_on_when_its_slot_moves() {
    let cluster = RedisCluster::start();
    let queue = Arc::new(RedisSink::connect(&cluster.url()).await.unwrap().queue());
    put(&*queue, &entry("before")).await;
    let lease = claim(&*queue, 1).await.grants.remove(0).lease;
    for round in 0..3 {
        let waiting = waits(&queue).await;
        cluster.move_slot(&key("counts"));
        put_at_last(&queue, &format!("after-{round}")).await;
        soon("the wait", waiting).await.unwrap();
        assert_eq!(done(&queue).await, 1);
    }
    assert_eq!(queue.release(&lease, &Release::Done, true).await.unwrap(), Released::Released);
    assert_empty(cluster.nodes());
}
