//! Connections that fall silent: nothing ends them, and nobody answers.

use std::{sync::Arc, time::Duration};

use gensx_core::{
    EventId, EventSink, SinkErrorKind,
    sink::{Append, events},
};
use gensx_redis::RedisSink;
use gensx_test_servers::{Proxy, RedisServer};

use crate::{
    connect,
    events::{next, opening, run_id, soon, text},
};

/// Short, so that the test is; three in a row without an answer, and a connection is left.
const LIMIT: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_readers_leave_connections_that_fall_silent() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port(), 1).await;
    let behind = RedisSink::builder(proxy.url()).request_timeout(LIMIT).connect().await.unwrap();
    let (behind, direct) = (Arc::new(behind), connect(&server.url()).await);
    let run = run_id("run");
    let batch = |seq| next(&run, EventId::new(1, seq), vec![text(&seq.to_string())]);
    assert_eq!(behind.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Done);
    let mut reader = events(Arc::clone(&behind) as Arc<dyn EventSink>, run.clone(), None);
    assert_eq!(reader.next().await.unwrap().unwrap().id.seq, 1);
    let waits = tokio::spawn(async move {
        let event = reader.next().await;
        (reader, event)
    });
    soon("the reader listens", async {
        while !server.command(&["PUBSUB", "NUMSUB", "gensx:{run}:n"]).ends_with("\n1") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;

    proxy.silence();
    // The reader is behind the silent connection, and this doorbell does not reach it.
    assert_eq!(direct.append(&batch(2)).await.unwrap(), Append::Done);
    let third = batch(3);
    let answer = soon("an append over a new connection", async {
        loop {
            match behind.append(&third).await {
                Ok(answer) => return answer,
                Err(error) => assert_eq!(error.kind(), SinkErrorKind::Unavailable, "{error:?}"),
            }
        }
    })
    .await;
    assert!(matches!(answer, Append::Done | Append::Duplicate), "{answer:?}");
    let (mut reader, event) = soon("the reader", waits).await.unwrap();
    assert_eq!(event.unwrap().unwrap().id.seq, 2);
    assert_eq!(soon("the reader", reader.next()).await.unwrap().unwrap().id.seq, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_alone_leaves_a_connection_that_falls_silent() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port(), 1).await;
    let behind = RedisSink::builder(proxy.url()).request_timeout(LIMIT).connect().await.unwrap();
    let direct = connect(&server.url()).await;
    let run = run_id("run");
    assert_eq!(direct.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Done);
    let mut reader = events(Arc::new(behind), run.clone(), None);
    assert_eq!(reader.next().await.unwrap().unwrap().id.seq, 1);
    let waits = tokio::spawn(async move { reader.next().await });
    soon("the reader listens", async {
        while !server.command(&["PUBSUB", "NUMSUB", "gensx:{run}:n"]).ends_with("\n1") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    proxy.silence();
    let second = next(&run, EventId::new(1, 2), vec![text("2")]);
    assert_eq!(direct.append(&second).await.unwrap(), Append::Done);
    // Nobody writes here: what listens asks by itself whether anybody is there.
    let event = soon("the reader", waits).await.unwrap().unwrap().unwrap();
    assert_eq!(event.id.seq, 2);
}
