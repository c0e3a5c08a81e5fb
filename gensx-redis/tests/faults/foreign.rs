//! What others wrote at gensx's keys.

use gensx_core::{
    EventSink,
    SinkErrorKind::Corrupt,
    sink::{Append, Inbox as _, Message, RunFilter},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use crate::{
    events::{opening, run_id, soon, text},
    expect, held, open, second,
};

fn message() -> Message {
    Message { number: 0, name: "m".into(), body: "1".into(), id: None }
}

#[tokio::test]
async fn another_type_at_a_key_is_named_and_other_runs_go_on() {
    let (server, run, other) = (RedisServer::start(), run_id("run"), run_id("other"));
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    open(&sink, &other).await;
    server.command(&["SET", "gensx:{run}:ev", "x"]);
    expect(sink.append(&opening(&run, vec![text("x")])).await, Corrupt, "another type");
    expect(sink.read(&run, 0, 9).await, Corrupt, "another type");
    expect(sink.head(&run).await, Corrupt, "another type");
    server.command(&["SET", "gensx:{other}:in", "x"]);
    expect(sink.send(&other, message()).await, Corrupt, "another type");
    expect(sink.receive(&other, 0, 9).await, Corrupt, "another type");
    assert_eq!(sink.append(&second(&other)).await.unwrap(), Append::Done);
    sink.delete(&run).await.expect("it can be removed");
    assert_eq!(server.command(&["EXISTS", "gensx:{run}:ev"]), "0");
}

#[tokio::test]
async fn a_run_that_others_wrote_to_hides_no_other_from_the_lists() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let (typed, by_clock, other) = (run_id("a"), run_id("b"), run_id("c"));
    for run in [&typed, &by_clock, &other] {
        open(&sink, run).await;
    }
    server.command(&["SET", "gensx:{a}:ev", "x"]);
    server.command(&["XADD", "gensx:{b}:ev", "*", "a", "b"]);
    for filter in [RunFilter::new(), RunFilter::new().unfinished(), RunFilter::new().workflow("tests")] {
        let listed = sink.list(&filter, None, 9).await.unwrap();
        assert_eq!(listed.runs.iter().map(|run| &run.id).collect::<Vec<_>>(), [&other]);
    }
}

/// A name in the lists that is due, though nothing expired.
fn due(server: &RedisServer, name: &str) {
    for list in 0..8 {
        assert_eq!(server.command(&["ZADD", &format!("gensx:{{ix{list}}}:due"), "1", name]), "1");
    }
}

#[tokio::test]
async fn what_others_wrote_into_the_lists_keeps_nothing_from_being_swept() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    open(&sink, &run_id("run")).await;
    server.command(&["SET", "gensx:{run}:ev", "x"]);
    ["no run's name", "run", "expired"].iter().for_each(|name| due(&server, name));
    // Each process sweeps when it begins.
    let _second = RedisSink::connect(&server.url()).await.unwrap();
    soon("the lists", async {
        let overdue =
            |list: u32| server.command(&["ZCOUNT", &format!("gensx:{{ix{list}}}:due"), "-inf", "1"]) != "0";
        while (0..8).any(overdue) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn entries_that_others_wrote_are_named_and_other_runs_go_on() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let (by_clock, without_field, other) = (run_id("clock"), run_id("field"), run_id("other"));
    for run in [&by_clock, &without_field, &other] {
        open(&sink, run).await;
    }
    server.command(&["XADD", "gensx:{clock}:ev", "*", "a", "b"]);
    server.command(&["XADD", "gensx:{field}:ev", "1-2", "a", "b"]);
    expect(sink.append(&second(&by_clock)).await, Corrupt, "gensx:{clock}:ev");
    expect(sink.head(&by_clock).await, Corrupt, "gensx:{clock}:ev");
    for run in [&by_clock, &without_field] {
        expect(sink.read(run, 0, 9).await, Corrupt, &format!("gensx:{{{run}}}:ev"));
        expect(sink.read(run, 1, 9).await, Corrupt, &format!("gensx:{{{run}}}:ev"));
    }
    assert_eq!(sink.append(&second(&other)).await.unwrap(), Append::Done);
    assert_eq!(held(&sink, &other).await, [1, 2]);
}

#[tokio::test]
async fn a_stream_that_begins_with_a_foreign_entry_is_named() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    for id in ["0-5", "5-0", "9999999999-7"] {
        server.command(&["DEL", "gensx:{run}:ev"]);
        server.command(&["XADD", "gensx:{run}:ev", id, "a", "b"]);
        expect(sink.read(&run, 0, 9).await, Corrupt, "gensx:{run}:ev");
        expect(sink.head(&run).await, Corrupt, "gensx:{run}:ev");
    }
}

#[tokio::test]
async fn a_message_that_is_none_is_named() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    open(&sink, &run).await;
    assert_eq!(sink.send(&run, message()).await.unwrap(), 1);
    server.command(&["HSET", "gensx:{run}:in", "m1", "no json"]);
    expect(sink.receive(&run, 0, 9).await, Corrupt, "gensx:{run}:in");
}

#[tokio::test]
async fn a_list_of_another_type_is_named() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let run = run_id("run");
    open(&sink, &run).await;
    for shard in 0..8 {
        server.command(&["SET", &format!("gensx:{{ix{shard}}}:open"), "x"]);
    }
    expect(sink.list(&RunFilter::new().unfinished(), None, 9).await, Corrupt, "another type");
    assert_eq!(sink.append(&second(&run)).await.unwrap(), Append::Done);
}
