//! The same writers and readers on a cluster, whose client repeats requests by itself, and whose connections are killed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gensx_test_servers::RedisCluster;

use crate::{
    BATCHES, KILL_INTERVAL, KILLS_PER_LISTENER, connect, judge_readers, oracle, read, reader::Sittings,
    readers, runs, seed, write, writer::Answers, writers,
};

/// Batches that each writer has acknowledged in the end.
const BATCHES_ON_CLUSTER: usize = BATCHES / 4;

/// Kills the connections of all nodes, until it is told to stop; gives how many.
fn trouble(cluster: RedisCluster, answers: &Answers, stop: &AtomicBool) -> (RedisCluster, u64) {
    let (mut killed, mut acknowledged) = (0, 0);
    for kill in 1.. {
        // Something must have come through, or on a slow machine nothing ever would.
        while answers.done.load(Ordering::Relaxed) == acknowledged {
            if stop.load(Ordering::Relaxed) {
                return (cluster, killed);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        acknowledged = answers.done.load(Ordering::Relaxed);
        let kind = if kill % KILLS_PER_LISTENER == 0 { "PUBSUB" } else { "NORMAL" };
        for node in cluster.nodes() {
            killed += node.command(&["CLIENT", "KILL", "TYPE", kind]).parse::<u64>().unwrap();
        }
        std::thread::sleep(KILL_INTERVAL);
    }
    unreachable!("it is told to stop")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_on_a_cluster_whose_connections_die() {
    let (seed, runs, cluster) = (seed(), runs(), RedisCluster::start());
    let (mut writing, mut reading) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        writing.push(connect(&cluster.url()).await);
        reading.push(connect(&cluster.url()).await);
    }
    let (answers, sittings) = (Arc::new(Answers::default()), Arc::new(Sittings::default()));
    let tasks = read(readers(&reading, &runs, &sittings, seed));
    let stop = Arc::new(AtomicBool::new(false));
    let troubled = {
        let (answers, stop) = (Arc::clone(&answers), Arc::clone(&stop));
        tokio::task::spawn_blocking(move || trouble(cluster, &answers, &stop))
    };
    let writers = write(writers(&writing, &runs, &answers, seed), BATCHES_ON_CLUSTER).await;
    stop.store(true, Ordering::Relaxed);
    let (cluster, killed) = troubled.await.unwrap();

    let streams = oracle::end(&writing[0], &runs).await;
    assert_eq!(oracle::judge(&streams, &writers), 0, "acknowledged, and lost");
    oracle::judge_owners(&streams, &writers);
    judge_readers(tasks, &streams).await;
    println!("{answers:?} {sittings:?} killed {killed}");
    assert!(answers.fenced.load(Ordering::Relaxed) > 0 && killed > 0, "{answers:?}");
    assert_eq!((answers.lost.load(Ordering::Relaxed), sittings.gone.load(Ordering::Relaxed)), (0, 0));
    drop(cluster);
}
