//! What others wrote at the queue's keys.

use gensx_core::{
    RunQueue as _,
    queue::{Enqueue, Limit, QueueErrorKind::Corrupt, Release, Released, Wake},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use crate::{
    connect,
    events::run_id,
    expect,
    work::{LONG, ask, assert_empty, claim, entry, key, put},
};

const KEYS: [&str; 13] = [
    "runs",
    "first",
    "lanes",
    "lines",
    "limits",
    "agenda",
    "ready",
    "dead",
    "served",
    "counts",
    "fleet",
    "workers",
    "deployments",
];

fn limited(run: &str) -> Enqueue {
    let limits = vec![Limit { name: "group".into(), key: "key".into(), max: 1 }];
    Enqueue { limits, first: Some((*b"first").into()), ..entry(run) }
}

#[tokio::test]
async fn another_type_at_any_key_is_named_and_nothing_is_half_done() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    let others = RedisSink::connect(&format!("{}?prefix=others", server.url())).await.unwrap().queue();
    for name in KEYS {
        server.command(&["FLUSHALL"]);
        let foreign = key(name);
        server.command(&["SET", &foreign, "x"]);
        let words = ["run `run` was not queued", &foreign, "string", "prefix of its own"];
        expect(queue.enqueue(&limited("run")).await, Corrupt, &words);
        expect(queue.claim(&ask(1, LONG)).await, Corrupt, &[&foreign]);
        expect(queue.wake(&run_id("run"), Wake::Now).await, Corrupt, &["run `run` was not woken", &foreign]);
        expect(queue.remove(&run_id("run")).await, Corrupt, &[&foreign]);
        expect(queue.stats().await, Corrupt, &[&foreign]);
        put(&others, &limited("run")).await;
        assert_eq!(claim(&others, 9).await.grants.len(), 1);
        assert_eq!(server.command(&["KEYS", "gensx:*"]), foreign, "something was written");
        server.command(&["DEL", &foreign]);
        put(&queue, &limited("run")).await;
        assert_eq!(claim(&queue, 9).await.grants.len(), 1);
    }
}

#[tokio::test]
async fn another_type_where_nothing_is_yet_leaves_a_queue_as_it_was() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    put(&queue, &limited("first")).await;
    let leased = claim(&queue, 1).await.grants.remove(0).lease;
    // The next one would wait for it in a line.
    server.command(&["SET", &key("lines"), "x"]);
    expect(queue.enqueue(&limited("second")).await, Corrupt, &["run `second`", &key("lines")]);
    expect(queue.release(&leased, &Release::Back, true).await, Corrupt, &["run `first`", &key("lines")]);
    server.command(&["DEL", &key("lines")]);
    assert_eq!(queue.find(&run_id("second")).await.unwrap(), None);
    put(&queue, &limited("second")).await;
    assert_eq!(queue.release(&leased, &Release::Done, true).await.unwrap(), Released::Released);
    let second = claim(&queue, 9).await.grants.remove(0).lease;
    assert_eq!(queue.release(&second, &Release::Done, true).await.unwrap(), Released::Released);
    assert_empty(std::slice::from_ref(&server));
}

#[tokio::test]
async fn a_record_that_is_none_is_named_and_can_be_removed() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    put(&queue, &entry("run")).await;
    put(&queue, &entry("other")).await;
    server.command(&["HSET", &key("runs"), "run", "no record"]);
    expect(queue.find(&run_id("run")).await, Corrupt, &["run `run`", &key("runs")]);
    expect(queue.enqueue(&entry("run")).await, Corrupt, &["run `run`", &key("runs")]);
    let came = claim(&queue, 9).await.grants;
    assert_eq!(came.iter().map(|grant| grant.lease.run.as_str()).collect::<Vec<_>>(), ["other"]);
}
