//! The cache passes the conformance suite on one server, which each case starts for itself.

use gensx_core::{cache::conformance::Fixture, cache_conformance_tests};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

async fn fixture() -> Fixture {
    let server = RedisServer::start();
    let cache = RedisSink::connect(&server.url()).await.unwrap().cache();
    let second = RedisSink::connect(&server.url()).await.unwrap().cache();
    Fixture::new(cache).with_second(second).keeping(server)
}

cache_conformance_tests!(fixture);
