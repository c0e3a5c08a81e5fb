//! A right that is missing is named when the sink opens, not in the middle of a run.

use gensx_core::SinkErrorKind::Config;
use gensx_redis::RedisSink;
use gensx_test_servers::{RedisCluster, RedisServer};

use crate::{SECRET, events::run_id, expect, held, open};

/// All that the operator's guide lists.
const COMMANDS: [&str; 25] = [
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
    "zadd",
    "zrem",
    "zscore",
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

#[tokio::test]
async fn each_command_that_is_missing_is_named() {
    let server = RedisServer::start();
    let sink = connect(&server, &allow(&COMMANDS)).await.expect("these are enough");
    let run = run_id("run");
    open(&sink, &run).await;
    assert_eq!(held(&sink, &run).await, [1]);
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
