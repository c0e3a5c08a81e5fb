//! The cache passes the conformance suite on a cluster of three masters. One serves all cases, each under a prefix of its
//! own.

use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

use gensx_core::{cache::conformance::Fixture, cache_conformance_tests};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisCluster;

/// It ends with the process.
static CLUSTER: LazyLock<RedisCluster> = LazyLock::new(RedisCluster::start);
static CASES: AtomicU32 = AtomicU32::new(0);

async fn fixture() -> Fixture {
    let url = format!("{}?prefix=case{}", CLUSTER.url(), CASES.fetch_add(1, Ordering::Relaxed));
    let cache = RedisSink::connect(&url).await.unwrap().cache();
    let second = RedisSink::connect(&url).await.unwrap().cache();
    Fixture::new(cache).with_second(second)
}

cache_conformance_tests!(fixture);
