//! Whether the user may do all that gensx does. Inside a script Redis does not say which command it refused, and what only
//! helps (a doorbell, room that is given back) fails there unheard: so each is tried by itself.

use gensx_core::RunId;
use redis::{Cmd, Value, cmd};

use crate::{
    error::Failure,
    keys::{self, Index},
    store::Store,
};

/// Tries each command and each kind of channel, on keys of a probe's run, which expire.
pub(crate) async fn check(store: &Store, run: &RunId, expire_ms: u64) -> Result<(), Failure> {
    for words in commands(store, run, expire_ms) {
        let mut command = cmd(&words[0]);
        command.arg(&words[1..]);
        ask(store, &words[0], command).await?;
    }
    if store.link.server().is_cluster() {
        // The client says so where a slot is on its way to another node.
        ask(store, "ASKING", cmd("ASKING")).await?;
    }
    listen(store, run).await
}

/// What the scripts and the library ask for, each so that it changes nothing but the probe's keys, and so that it may be
/// asked again: an answer may be lost.
fn commands(store: &Store, run: &RunId, expire_ms: u64) -> Vec<Vec<String>> {
    let keys = &store.keys;
    let (stream, copy, inbox) = (keys.stream(run), keys.copy(run), keys.inbox(run));
    let index = keys.index(keys::shard(run), Index::Due);
    let (channel, mail, expire) = (keys.channel(run), keys.mail(), expire_ms.to_string());
    let list: [&[&str]; 30] = [
        &["PING"],
        &["TIME"],
        &["XADD", &copy, "*", "e", ""],
        &["PEXPIRE", &copy, &expire],
        &["PTTL", &copy],
        &["XRANGE", &copy, "-", "+"],
        &["XREVRANGE", &copy, "+", "-"],
        &["XLEN", &copy],
        &["COPY", &copy, &stream],
        &["RENAME", &copy, &copy],
        &["HSET", &inbox, "n", "0"],
        &["PEXPIRE", &inbox, &expire],
        &["HGET", &inbox, "n"],
        &["HMGET", &inbox, "n"],
        &["HLEN", &inbox],
        &["HDEL", &inbox, "n"],
        &["UNLINK", &copy, &stream, &inbox],
        &["SET", &copy, "", "PX", &expire],
        &["GET", &copy],
        &["TYPE", &copy],
        &["UNLINK", &copy],
        &["ZADD", &index, "XX", "0", run.as_str()],
        &["ZSCORE", &index, run.as_str()],
        &["ZRANGEBYLEX", &index, "-", "+", "LIMIT", "0", "1"],
        &["ZRANGEBYSCORE", &index, "-inf", "0", "LIMIT", "0", "1"],
        &["ZRANGE", &index, "0", "0"],
        &["ZCARD", &index],
        &["ZREM", &index, run.as_str()],
        &[store.publish(), &channel, ""],
        &["PUBLISH", &mail, ""],
    ];
    list.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

async fn listen(store: &Store, run: &RunId) -> Result<(), Failure> {
    let (listen, leave) = match store.link.server().is_cluster() {
        true => ("SSUBSCRIBE", "SUNSUBSCRIBE"),
        false => ("SUBSCRIBE", "UNSUBSCRIBE"),
    };
    let channels = [store.keys.channel(run)];
    let mut connection = store.link.connection().await?;
    let heard = connection
        .listen(&channels)
        .await
        .and_then(|answers| answers.into_iter().collect::<redis::RedisResult<()>>());
    heard.map_err(|error| named(store, error.into(), listen))?;
    connection.leave(&channels).await.map_err(|error| named(store, error.into(), leave))
}

/// Says which right is missing, and how it is given.
pub(crate) fn named(store: &Store, failure: Failure, command: &str) -> Failure {
    let Some(detail) = failure.denied() else { return failure };
    let prefix = store.keys.prefix();
    let text = if detail.contains(" key") {
        format!(
            "the user may not use the keys that begin with `{prefix}:`: allow them (`ACL SETUSER NAME ~{prefix}:*`)"
        )
    } else if detail.contains(" channel") {
        format!(
            "the user may not use the channels that begin with `{prefix}:`: allow them (`ACL SETUSER NAME &{prefix}:*`)"
        )
    } else {
        let right = command.to_lowercase().replace(' ', "|");
        format!("the user may not run `{command}`: allow it (`ACL SETUSER NAME +{right}`)")
    };
    Failure::config(text)
}

/// Asks, and says of a missing right what it is for.
pub(crate) async fn ask(store: &Store, name: &str, command: Cmd) -> Result<Value, Failure> {
    store.link.ask(command).await.map_err(|failure| named(store, failure, name))
}
