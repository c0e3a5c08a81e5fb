//! The queue passes the conformance suite on one server, which each case starts for itself.

use gensx_core::{queue::conformance::Fixture, queue_conformance_tests};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

async fn fixture() -> Fixture {
    let server = RedisServer::start();
    let queue = RedisSink::connect(&server.url()).await.unwrap().queue();
    let second = RedisSink::connect(&server.url()).await.unwrap().queue();
    Fixture::new(queue).with_second(second).keeping(server)
}

queue_conformance_tests!(fixture);
