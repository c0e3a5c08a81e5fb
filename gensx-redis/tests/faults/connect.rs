//! Servers that a sink does not open on, and says why.

use std::time::Duration;

use gensx_core::SinkErrorKind::{Config, Unavailable};
use gensx_redis::{Checks, RedisSink};
use gensx_test_servers::{Proxy, RedisServer};

use crate::{
    SECRET, expect,
    fake::{HELLO, bulk, serve},
};

fn hello_or(words: &[String], other: impl FnOnce() -> String) -> String {
    match words[0].as_str() {
        "HELLO" => HELLO.to_owned(),
        "CLIENT" => "+OK\r\n".to_owned(),
        _ => other(),
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_named_so() {
    let by_version =
        serve(|words| hello_or(words, || bulk("redis_version:6.2.14\r\nrole:master\r\naof_enabled:1\r\n")));
    let without_resp3 = serve(|_| "-NOPROTO unsupported protocol version\r\n".to_owned());
    let without_hello = serve(|_| "-ERR unknown command 'HELLO', with args beginning with:\r\n".to_owned());
    for url in [by_version.await, without_resp3.await, without_hello.await] {
        expect(RedisSink::connect(&url).await, Config, "older than Redis 7.0");
    }
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_waited_for() {
    let loads =
        |words: &[String]| hello_or(words, || "-LOADING Redis is loading the dataset in memory\r\n".into());
    let error = expect(RedisSink::connect(&serve(loads).await).await, Unavailable, "loading");
    assert!(error.to_string().contains("wait"), "{error}");
}

#[tokio::test]
async fn what_is_no_redis_is_an_error() {
    let url = serve(|_| "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned()).await;
    expect(RedisSink::connect(&url).await, Unavailable, "check the address");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_soon() {
    const LIMIT: Duration = Duration::from_millis(300);
    // The system takes connections to it, and nobody speaks.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap();
    for url in [
        format!("redis://{host}"),
        format!("redis+sentinel://{host}/main"),
        format!("redis+cluster://{host}"),
    ] {
        let began = std::time::Instant::now();
        let sink = RedisSink::builder(&url).request_timeout(LIMIT).connect();
        expect(crate::events::soon("connect", sink).await, Unavailable, "check that");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(10), "{url} was waited for {took:?}");
    }
}

#[tokio::test]
async fn where_nobody_listens_it_is_said_at_once() {
    let mut server = RedisServer::start();
    let url = server.url();
    server.kill();
    // Long, so that one that tries again until then is noticed.
    let sink = RedisSink::builder(url).request_timeout(Duration::from_secs(600));
    expect(crate::events::soon("connect", sink.connect()).await, Unavailable, "does not answer");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let master = RedisServer::start();
    let address = format!("127.0.0.1 {}", master.port());
    let replica = RedisServer::builder().option("replicaof", &address).start();
    expect(RedisSink::connect(&replica.url()).await, Config, "replica");
}

#[tokio::test]
async fn a_password_is_demanded_and_never_told() {
    let server = RedisServer::builder().option("requirepass", "another").start();
    let host = server.url().replace("redis://", "");
    for user in ["", &format!(":{SECRET}@"), &format!("nobody:{SECRET}@")] {
        let url = format!("redis://{user}{host}");
        expect(RedisSink::connect(&url).await, Config, "password");
        assert!(!format!("{:?}", RedisSink::builder(url)).contains(SECRET));
    }
    let sink = RedisSink::connect(&format!("redis://:another@{host}")).await.unwrap();
    assert!(!format!("{sink:?} {}", gensx_core::EventSink::name(&sink)).contains("another"));
}

#[tokio::test]
async fn a_user_and_a_password_may_be_percent_encoded() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "a@b", "on", ">p/w:d?#%", "~*", "&*", "+@all"]);
    let host = server.url().replace("redis://", "");
    let url = format!("redis://a%40b:p%2Fw%3Ad%3F%23%25@{host}");
    RedisSink::connect(&url).await.unwrap();
}

#[tokio::test]
async fn a_server_with_too_many_clients_is_named_so() {
    let server = RedisServer::start();
    server.command(&["CONFIG", "SET", "maxclients", "1"]);
    let _other = std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    // The server may take the other's place a moment later than it took its connection.
    let refused = crate::events::soon("a refusal", async {
        loop {
            if let Err(error) = RedisSink::connect(&server.url()).await {
                return error;
            }
        }
    });
    expect::<()>(Err(refused.await), Unavailable, "maxclients");
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_without_being_shown() {
    for address in ["", "redis://", "redis://h:port", "http://h", "redis://h/x", "redis+sentinel://h"] {
        expect(RedisSink::connect(address).await, Config, "give `redis://");
    }
    let secret = format!("redis://u:{SECRET}@h:port");
    expect(RedisSink::connect(&secret).await, Config, "give `redis://");
    let prefix = RedisSink::builder("redis://127.0.0.1:1").prefix("a b");
    expect(prefix.connect().await, Config, "prefix");
}

#[tokio::test]
async fn settings_that_put_runs_at_risk_are_refused_when_checks_are_strict() {
    let server = RedisServer::start();
    let strict = || RedisSink::builder(server.url()).checks(Checks::Strict).connect();
    expect(strict().await, Config, "appendonly");
    server.command(&["CONFIG", "SET", "appendonly", "yes"]);
    server.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    expect(strict().await, Config, "noeviction");
    RedisSink::connect(&server.url()).await.expect("a warning is all");
    server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    strict().await.unwrap();
}

/// What is not answered is asked again, also of the probe.
#[tokio::test]
async fn an_answer_that_is_lost_while_a_sink_opens_is_no_fault_of_the_data() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port(), 1).await;
    proxy.lose_one_in(40);
    let mut opened = 0;
    for _ in 0..40 {
        match RedisSink::connect(&proxy.url()).await {
            Ok(_) => opened += 1,
            Err(error) => assert_eq!(error.kind(), Unavailable, "{error:?}"),
        }
    }
    assert!(proxy.lost() >= 10 && opened >= 10, "{} answers lost, {opened} opened", proxy.lost());
}
