//! The sink passes the conformance suite on one server; its second handle has connections of its own, as another process
//! would have.

use gensx_core::{conformance_tests, sink::conformance::Fixture};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

async fn fixture() -> Fixture {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let second = RedisSink::connect(&server.url()).await.unwrap();
    Fixture::new(sink).with_second(second).keeping(server)
}

conformance_tests!(fixture);
