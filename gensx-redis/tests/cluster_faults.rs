//! Writers and readers of a cluster go on when a master dies and when slots move.

#[path = "support/events.rs"]
mod events;
#[path = "support/live.rs"]
mod live;

use std::time::Duration;

use gensx_core::{
    EventId, EventSink as _, SinkErrorKind,
    sink::{Append, Inbox as _, Message},
};
use gensx_redis::RedisSink;
use gensx_test_servers::{RedisCluster, RedisServer};

use self::events::{claim, closing, next, opening, run_id, text};

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

#[tokio::test]
async fn a_run_goes_on_while_its_slot_is_on_its_way() {
    let cluster = RedisCluster::start();
    let sink = RedisSink::connect(&cluster.url()).await.unwrap();
    let run = run_id("run");
    assert_eq!(sink.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Done);
    // Its keys are on the other node already, and the slot is not.
    let moved = cluster.begin_move("gensx:{run}:ev");
    for seq in 2..=20 {
        let batch = next(&run, EventId::new(1, seq), vec![text("x")]);
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done, "event {seq}");
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Duplicate, "event {seq}");
    }
    assert_eq!(sink.read(&run, 0, 100).await.unwrap().len(), 20);
    assert_eq!(sink.head(&run).await.unwrap().unwrap().last.seq, 20);
    let claimed = claim(&run, EventId::new(2, 21), vec![text("claim")]);
    assert_eq!(sink.append(&claimed).await.unwrap(), Append::Done);
    // What needs keys that do not exist waits.
    let message = || Message { number: 0, name: "m".into(), body: "1".into(), id: None };
    let end = closing(&run, EventId::new(2, 22));
    for refused in [sink.send(&run, message()).await.map(drop), sink.append(&end).await.map(drop)] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), SinkErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("moving the slot"), "{error}");
    }
    cluster.finish_move(&moved);
    assert_eq!(sink.send(&run, message()).await.unwrap(), 1);
    assert_eq!(sink.append(&end).await.unwrap(), Append::Done);
}

/// Stops a node's process, or wakes it.
fn signal(server: &RedisServer, name: &str) {
    let status = std::process::Command::new("kill").args([name, &server.pid().to_string()]).status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn a_master_that_falls_silent_holds_up_no_run_of_another() {
    const LIMIT: Duration = Duration::from_millis(500);
    let cluster = RedisCluster::start();
    let sink = RedisSink::builder(cluster.url()).request_timeout(LIMIT).connect().await.unwrap();
    let mut runs = Vec::new();
    for n in 0..12 {
        let run = run_id(&format!("run-{n}"));
        assert_eq!(sink.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Done);
        runs.push(run);
    }
    let silent = &cluster.nodes()[0];
    let is_there =
        |run: &&gensx_core::RunId| silent.command(&["EXISTS", &format!("gensx:{{{run}}}:ev")]) == "1";
    let (there, elsewhere): (Vec<_>, Vec<_>) = runs.iter().partition(is_there);
    assert!(!there.is_empty() && !elsewhere.is_empty());
    signal(silent, "-STOP");
    for seq in 2..=6 {
        let refused = sink.append(&next(there[0], EventId::new(1, 2), vec![text("x")])).await;
        assert_eq!(refused.unwrap_err().kind(), SinkErrorKind::Unavailable);
        for run in &elsewhere {
            let batch = next(run, EventId::new(1, seq), vec![text("x")]);
            assert_eq!(sink.append(&batch).await.unwrap(), Append::Done, "`{run}`, event {seq}");
        }
    }
    signal(silent, "-CONT");
}
