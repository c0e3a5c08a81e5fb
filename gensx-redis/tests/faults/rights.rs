//! A right that is missing is named when the sink opens, not in the middle of a run.

use std::time::Duration;

use gensx_core::{
    RunQueue as _,
    SinkErrorKind::Config,
    queue::{
        Announce, Claim, Enqueue, Enqueued, IdempotencyKey, Limit, MovePolicy, Release, Released, Removed,
        Renewal, Wake, Wanted, Worker, WorkerId,
    },
};
use gensx_redis::RedisSink;
use gensx_test_servers::{RedisCluster, RedisServer};

use crate::{
    SECRET,
    events::{run_id, soon},
    expect, held, open,
};

/// All that the operator's guide lists.
const COMMANDS: [&str; 32] = [
    "info",
    "script|load",
    "evalsha",
    "ping",
    "time",
    "xadd",
    "xrange",
    "xrevrange",
    "xlen",
    "copy",
    "rename",
    "pexpire",
    "pttl",
    "unlink",
    "hset",
    "hget",
    "hmget",
    "hlen",
    "hdel",
    "get",
    "set",
    "type",
    "zadd",
    "zrem",
    "zscore",
    "zcard",
    "zrange",
    "zrangebylex",
    "zrangebyscore",
    "publish",
    "subscribe",
    "unsubscribe",
];

fn user(server: &RedisServer, rules: &[&str]) -> String {
    let password = format!(">{SECRET}");
    let mut words = vec!["ACL", "SETUSER", "app", "reset", "on", &password];
    words.extend(rules);
    assert_eq!(server.command(&words), "OK");
    format!("redis://app:{SECRET}@127.0.0.1:{}", server.port())
}

/// Rules that allow some commands, and the keys and channels of the prefix.
fn allow<'a>(commands: &[&'a str]) -> Vec<String> {
    let mut rules: Vec<String> = commands.iter().map(|name: &&'a str| format!("+{name}")).collect();
    rules.extend(["~gensx:*".to_owned(), "&gensx:*".to_owned()]);
    rules
}

async fn connect(server: &RedisServer, rules: &[String]) -> Result<RedisSink, gensx_core::SinkError> {
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    RedisSink::connect(&user(server, &rules)).await
}

/// Asks for each thing that the queue does.
async fn all_of_the_queue(sink: &RedisSink) {
    let (queue, run) = (sink.queue(), run_id("queued"));
    let limits = vec![Limit { name: "group".into(), key: "key".into(), max: 1 }];
    let key = Some(IdempotencyKey { key: "key".into(), ttl: Duration::from_secs(9) });
    let entry = Enqueue { limits, key, first: Some((*b"1").into()), ..Enqueue::new(run.clone(), "digest") };
    let worker = Worker { id: WorkerId::generate(), deployment: "v1".into() };
    let announce = |ttl| Announce { worker: worker.clone(), draining: false, ttl };
    queue.announce(&announce(Duration::from_secs(9))).await.unwrap();
    assert_eq!(queue.enqueue(&entry).await.unwrap(), Enqueued::Fresh);
    let ask = Claim {
        worker: worker.clone(),
        workflows: vec![Wanted { workflow: "digest".into(), policy: MovePolicy::Latest }],
        max_runs: 2,
        lease: Duration::from_secs(9),
        max_claims: 1,
    };
    let claimed = queue.claim(&ask).await.unwrap();
    let lease = claimed.grants[0].lease.clone();
    queue
        .renew(&[Renewal { lease: lease.clone(), opened: true, progressed: false }], Duration::from_secs(9))
        .await
        .unwrap();
    assert!(queue.wake(&run, Wake::Now).await.unwrap());
    assert_eq!(queue.release(&lease, &Release::Dead, true).await.unwrap(), Released::Released);
    assert_eq!((queue.dead(None, 9).await.unwrap().len(), queue.stats().await.unwrap().dead), (1, 1));
    assert!(queue.find(&run).await.unwrap().is_some() && queue.deployments().await.unwrap().len() == 1);
    assert_eq!(queue.remove(&run).await.unwrap(), Removed::Removed);
    let other = Enqueue::new(run_id("other"), "digest");
    queue.enqueue(&other).await.unwrap();
    soon("the doorbell", queue.wait(&ask, claimed.cursor)).await.unwrap();
    queue.announce(&announce(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn each_command_that_is_missing_is_named() {
    let server = RedisServer::start();
    let sink = connect(&server, &allow(&COMMANDS)).await.expect("these are enough");
    let run = run_id("run");
    open(&sink, &run).await;
    assert_eq!(held(&sink, &run).await, [1]);
    all_of_the_queue(&sink).await;
    for missing in COMMANDS {
        let others: Vec<&str> = COMMANDS.into_iter().filter(|name| *name != missing).collect();
        let named = format!("`ACL SETUSER NAME +{missing}`");
        expect(connect(&server, &allow(&others)).await, Config, &named);
    }
}

#[tokio::test]
async fn keys_and_channels_that_are_missing_are_named() {
    let server = RedisServer::start();
    let with = |keys: &str, channels: &str| {
        let mut rules = allow(&COMMANDS);
        rules.truncate(COMMANDS.len());
        rules.extend([keys.to_owned(), channels.to_owned()]);
        rules
    };
    expect(connect(&server, &with("~other:*", "&gensx:*")).await, Config, "~gensx:*");
    expect(connect(&server, &with("~gensx:*", "&other:*")).await, Config, "&gensx:*");
    expect(connect(&server, &with("~gensx:*", "resetchannels")).await, Config, "&gensx:*");
}

#[tokio::test]
async fn a_cluster_asks_for_channels_of_its_own_kind() {
    let cluster = RedisCluster::start();
    let mut rules = vec!["+@all", "-ssubscribe", "~*", "&*"];
    let url = |rules: &[&str]| {
        cluster.nodes().iter().for_each(|node| drop(user(node, rules)));
        cluster.url().replace("://", &format!("://app:{SECRET}@"))
    };
    expect(RedisSink::connect(&url(&rules)).await, Config, "+ssubscribe");
    rules[1] = "-spublish";
    expect(RedisSink::connect(&url(&rules)).await, Config, "+spublish");
    rules[1] = "-asking";
    expect(RedisSink::connect(&url(&rules)).await, Config, "+asking");
    RedisSink::connect(&url(&["+@all", "~*", "&*"])).await.unwrap();
}
