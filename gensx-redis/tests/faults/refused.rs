//! Servers that refuse, fall silent or forget in the middle of a run.

use std::{process::Command, sync::Arc, time::Duration};

use gensx_core::{
    ErrorKind, EventSink,
    SinkErrorKind::{NotFound, Unavailable},
    sink::{Append, Inbox as _, Message, events},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use crate::{
    events::{closing, next, opening, run_id, soon, text},
    expect, held, open, second,
};

fn signal(server: &RedisServer, name: &str) {
    let status = Command::new("kill").args([name, &server.pid().to_string()]).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_waited_for() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    open(&sink, &run).await;
    let batch = second(&run);
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    expect(sink.append(&batch).await, Unavailable, "replica");
    assert_eq!(held(&sink, &run).await, [1]);
    server.command(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
}

#[tokio::test]
async fn too_few_replicas_are_named() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    open(&sink, &run).await;
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let batch = second(&run);
    expect(sink.append(&batch).await, Unavailable, "replicas");
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
}

#[tokio::test]
async fn without_memory_a_batch_is_refused_whole_and_taken_later() {
    let (server, run, other) = (RedisServer::start(), run_id("run"), run_id("other"));
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    open(&sink, &run).await;
    open(&sink, &other).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1mb"]);
    let batch = next(&run, gensx_core::EventId::new(1, 2), (0..19).map(|n| text(&n.to_string())).collect());
    expect(sink.append(&batch).await, Unavailable, "maxmemory");
    expect(sink.append(&opening(&run_id("new"), vec![text("x")])).await, Unavailable, "maxmemory");
    let message = Message { number: 0, name: "m".into(), body: "1".into(), id: None };
    expect(sink.send(&run, message).await, Unavailable, "maxmemory");
    assert_eq!((held(&sink, &run).await, held(&sink, &other).await), (vec![1], vec![1]));
    sink.delete(&other).await.expect("room can be made");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    assert_eq!(held(&sink, &run).await, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn scripts_that_are_flushed_are_no_failure() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let flush = || assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
    flush();
    open(&sink, &run).await;
    flush();
    assert_eq!(sink.append(&second(&run)).await.unwrap(), Append::Done);
    flush();
    let message = Message { number: 0, name: "m".into(), body: "1".into(), id: None };
    assert_eq!(sink.send(&run, message).await.unwrap(), 1);
    flush();
    assert_eq!(sink.head(&run).await.unwrap().unwrap().last.seq, 2);
    flush();
    assert!(sink.read(&run, 2, 9).await.unwrap().is_empty());
    flush();
    sink.delete(&run).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_gone_is_told_to_its_writer_and_its_readers() {
    let (server, run, other) = (RedisServer::start(), run_id("run"), run_id("other"));
    let sink = Arc::new(RedisSink::connect(&server.url()).await.unwrap());
    open(&sink, &run).await;
    open(&sink, &other).await;
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run.clone(), None);
    reader.next().await.unwrap().unwrap();
    let waits = tokio::spawn(async move { reader.next().await });
    soon("the reader listens", async {
        while !server.command(&["PUBSUB", "NUMSUB", "gensx:{run}:n"]).ends_with('1') {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    server.command(&["DEL", "gensx:{run}:ev"]);
    assert_eq!(sink.append(&second(&run)).await.unwrap(), Append::Lost);
    let error = soon("the reader", waits).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone), "{error:?}");
    expect(sink.read(&run, 0, 9).await, NotFound, "run `run` has no stream");
    assert_eq!(sink.append(&second(&other)).await.unwrap(), Append::Done);
}

#[tokio::test]
async fn a_run_that_this_process_deletes_is_gone_for_its_readers_at_once() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = Arc::new(RedisSink::connect(&server.url()).await.unwrap());
    open(&sink, &run).await;
    let waits = {
        let (sink, run) = (Arc::clone(&sink), run.clone());
        tokio::spawn(async move { sink.changed(&run, 1).await })
    };
    // Its own appends are kept for its readers as soon as the run is listened to.
    let mut seq = 2;
    soon("the run is read", async {
        let mut last = next(&run, gensx_core::EventId::new(1, seq), vec![text("x")]);
        while !waits.is_finished() || seq < 5 {
            assert_eq!(sink.append(&last).await.unwrap(), Append::Done);
            seq += 1;
            last = next(&run, gensx_core::EventId::new(1, seq), vec![text("x")]);
        }
    })
    .await;
    sink.delete(&run).await.unwrap();
    for after in 0..seq {
        expect(sink.read(&run, after, 9).await, NotFound, "no stream");
    }
}

#[tokio::test]
async fn a_server_that_sleeps_is_given_up_within_the_limit_and_goes_on_after() {
    const LIMIT: Duration = Duration::from_millis(300);
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = RedisSink::builder(server.url()).request_timeout(LIMIT).connect().await.unwrap();
    open(&sink, &run).await;
    let batch = second(&run);
    signal(&server, "-STOP");
    // Longer than a silent connection is kept for.
    for _ in 0..4 {
        let answer = soon("the append", sink.append(&batch)).await;
        assert_eq!(answer.unwrap_err().kind(), Unavailable);
    }
    signal(&server, "-CONT");
    let answer = soon("the server wakes", async {
        loop {
            if let Ok(answer) = sink.append(&batch).await {
                return answer;
            }
        }
    })
    .await;
    assert!(matches!(answer, Append::Done | Append::Duplicate), "{answer:?}");
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Duplicate);
    assert_eq!(held(&sink, &run).await, [1, 2]);
    assert_eq!(sink.append(&closing(&run, gensx_core::EventId::new(1, 3))).await.unwrap(), Append::Done);
}
