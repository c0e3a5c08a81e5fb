//! What is wrong with a server is said by the queue in a typed error that names the run and what to do. What was queued
//! stays, and others go on.

#[path = "queue_faults/cost.rs"]
mod cost;
#[allow(dead_code, reason = "most of it is for tests of sinks")]
#[path = "support/events.rs"]
mod events;
#[path = "queue_faults/foreign.rs"]
mod foreign;
#[path = "queue_faults/many.rs"]
mod many;
#[path = "queue_faults/moves.rs"]
mod moves;
#[path = "queue_faults/server.rs"]
mod server;
#[path = "queue_faults/wake.rs"]
mod wake;
#[path = "support/work.rs"]
mod work;

use gensx_core::queue::{QueueError, QueueErrorKind};
use gensx_redis::{RedisQueue, RedisSink};
use gensx_test_servers::RedisServer;

async fn connect(server: &RedisServer) -> RedisQueue {
    RedisSink::connect(&server.url()).await.unwrap().queue()
}

/// Demands an error of a kind that says these words.
#[track_caller]
fn expect<T: std::fmt::Debug>(answer: Result<T, QueueError>, kind: QueueErrorKind, words: &[&str]) {
    let error = answer.expect_err(words[0]);
    assert_eq!(error.kind(), kind, "{error} {error:?}");
    for words in words {
        assert!(error.to_string().contains(words), "`{words}` is not in {error}");
    }
}
