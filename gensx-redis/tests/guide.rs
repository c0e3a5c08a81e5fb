//! The rights that the operator's guide lists are enough for all that a sink does, also while a cluster moves slots and a
//! sentinel names another master.

#[path = "support/events.rs"]
mod events;
#[path = "support/live.rs"]
mod live;

use gensx_core::{
    EventId, EventSink as _,
    sink::{Append, Inbox as _, Message, RunFilter},
};
use gensx_redis::RedisSink;
use gensx_test_servers::{RedisCluster, RedisSentinel, RedisServer};

use self::events::{next, opening, run_id, soon, text};

const PASSWORD: &str = "s3cr3t";

/// The user of the guide, as it tells to make it.
fn words() -> Vec<String> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redis.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let begin = guide.find("ACL SETUSER gensx").expect("the guide makes a user");
    let command = guide[begin..].split("```").next().unwrap();
    command.split_whitespace().map(|word| word.replace("PASSWORD", PASSWORD)).collect()
}

fn give(server: &RedisServer) {
    let words = words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(server.command(&words), "OK");
}

/// The same address, entered as that user.
fn entered(url: &str) -> String {
    url.replacen("://", &format!("://gensx:{PASSWORD}@"), 1)
}

/// What writers and readers of events do not do.
async fn manage(url: &str) {
    let sink = RedisSink::connect(url).await.unwrap();
    let listed = sink.list(&RunFilter::new(), None, 9).await.unwrap();
    assert_eq!(listed.runs.len(), 6);
    let run = run_id("open");
    assert_eq!(sink.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Done);
    let (cursor, _) = sink.arrivals(0).await.unwrap();
    let message = Message { number: 0, name: "m".into(), body: "1".into(), id: None };
    assert_eq!(sink.send(&run, message).await.unwrap(), 1);
    let (_, arrived) = soon("the message", sink.arrivals(cursor)).await.unwrap();
    assert!(arrived.may_be(&run));
    assert_eq!(sink.receive(&run, 0, 9).await.unwrap().len(), 1);
    sink.now_ms().await.unwrap();
    sink.delete(&run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_of_the_guide_are_enough_on_one_server() {
    let server = RedisServer::start();
    give(&server);
    let url = entered(&server.url());
    let server = live::outlast(&url, move || server).await;
    manage(&url).await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_of_the_guide_are_enough_while_slots_move() {
    let cluster = RedisCluster::start();
    cluster.nodes().iter().for_each(give);
    let url = entered(&cluster.url());
    let trouble = move || {
        (0..6).for_each(|n| cluster.move_slot(&format!("gensx:{{run-{n}}}:ev")));
        cluster
    };
    let cluster = live::outlast(&url, trouble).await;
    manage(&url).await;
    let sink = RedisSink::connect(&url).await.unwrap();
    let run = run_id("on-its-way");
    assert_eq!(sink.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Done);
    let _moved = cluster.begin_move("gensx:{on-its-way}:ev");
    let batch = next(&run, EventId::new(1, 2), vec![text("2")]);
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_of_the_guide_are_enough_behind_sentinel() {
    let mut servers = RedisSentinel::start();
    servers.servers().iter().for_each(give);
    let url = entered(&servers.url());
    let trouble = move || {
        servers.fail_over();
        servers
    };
    let servers = live::outlast(&url, trouble).await;
    manage(&url).await;
    drop(servers);
}
