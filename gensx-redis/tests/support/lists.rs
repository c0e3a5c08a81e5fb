//! Small runs, and the places that they have in the lists.

use std::sync::Arc;

use gensx_core::{
    EventId, EventSink as _, RunId,
    sink::{Append, Payload},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use crate::events::{closing, next, opening};

/// What a small event's payload takes.
const SMALL_BYTES: usize = 32;

/// A command's answer.
pub(crate) fn number(server: &RedisServer, words: &[&str]) -> i64 {
    server.command(words).parse().unwrap_or_else(|_| panic!("{words:?}"))
}

pub(crate) async fn write(sink: &RedisSink, run: &RunId, events: u64) {
    let small: Payload = Arc::from(&[b'x'; SMALL_BYTES][..]);
    assert_eq!(sink.append(&opening(run, vec![Arc::clone(&small)])).await.unwrap(), Append::Done);
    for seq in 2..=events {
        let batch = next(run, EventId::new(1, seq), vec![Arc::clone(&small)]);
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    }
}

pub(crate) async fn end(sink: &RedisSink, run: &RunId, seq: u64) {
    assert_eq!(sink.append(&closing(run, EventId::new(1, seq))).await.unwrap(), Append::Done);
}

/// Which of the lists names a run: FNV-1a, as it must stay from version to version.
pub(crate) fn shard(run: &str) -> u32 {
    run.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)) % 8
}

/// The list of a kind that names a run.
pub(crate) fn list(run: &str, kind: &str) -> String {
    format!("gensx:{{ix{}}}:{kind}", shard(run))
}

/// In how many lists a run is.
pub(crate) fn places(server: &RedisServer, run: &str) -> usize {
    let places = [
        ("runs", run.to_owned()),
        ("open", run.to_owned()),
        ("of:tests", run.to_owned()),
        ("due", format!("{run}\ntests")),
    ];
    places.iter().filter(|(kind, name)| is_named(server, &list(run, kind), name)).count()
}

#[allow(dead_code, reason = "not each test binary asks for one list")]
pub(crate) fn is_named(server: &RedisServer, list: &str, name: &str) -> bool {
    server.command(&["ZSCORE", list, name]) != "(nil)"
}
