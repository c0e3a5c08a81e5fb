//! Writers and readers of a cluster go on when a master dies and when slots move.

#[path = "support/events.rs"]
mod events;
#[path = "support/live.rs"]
mod live;

use gensx_test_servers::RedisCluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_readers_outlast_slots_that_move() {
    let cluster = RedisCluster::start();
    let url = cluster.url();
    let trouble = move || {
        (0..6).for_each(|n| cluster.move_slot(&format!("gensx:{{run-{n}}}:ev")));
        cluster
    };
    drop(live::outlast(&url, trouble).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_readers_outlast_a_master_that_is_killed() {
    let mut cluster = RedisCluster::start();
    cluster.add_replica();
    let url = cluster.url();
    let trouble = move || {
        cluster.kill_first();
        cluster
    };
    drop(live::outlast(&url, trouble).await);
}
