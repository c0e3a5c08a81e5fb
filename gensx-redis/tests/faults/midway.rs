//! What a server begins to do in the middle of runs: load its data, refuse their user, evict their keys.

use std::sync::Arc;

use gensx_core::{
    ErrorKind, EventId, EventSink, RunId,
    SinkErrorKind::{Config, NotFound, Unavailable},
    sink::{Append, Batch, events},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use crate::{
    SECRET,
    events::{next, run_id, soon, text},
    expect, held, open, said, second,
};

/// Repeats a batch until it is answered; gives what was said until then, too.
async fn until_answered(sink: &RedisSink, batch: &Batch) -> (Append, Vec<String>) {
    let mut errors = Vec::new();
    loop {
        match sink.append(batch).await {
            Ok(answer) => return (answer, errors),
            Err(error) => {
                assert_eq!(error.kind(), Unavailable, "{error:?}");
                errors.push(said(&error));
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_loads_its_data_says_so_and_goes_on() {
    /// Other keys, and how long the server takes for each.
    const KEYS: usize = 100;
    let mut server = RedisServer::builder()
        .option("key-load-delay", "20000")
        .option("loading-process-events-interval-bytes", "1024")
        .start();
    let run = run_id("run");
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    open(&sink, &run).await;
    for n in 0..KEYS {
        server.command(&["SET", &format!("other:{n}"), &"x".repeat(2_000)]);
    }
    assert_eq!(server.command(&["SAVE"]), "OK");
    server.restart();
    let error = sink.head(&run).await.unwrap_err();
    assert!(error.kind() == Unavailable && said(&error).contains("loading its data: wait"), "{error:?}");
    let (answer, errors) = soon("the server", until_answered(&sink, &second(&run))).await;
    assert!(errors.iter().any(|error| error.contains("loading its data: wait")), "{errors:?}");
    assert!(matches!(answer, Append::Done | Append::Duplicate), "{answer:?}");
    assert_eq!(held(&sink, &run).await, [1, 2]);
}

fn user(server: &RedisServer, rules: &[&str]) {
    let words: Vec<&str> = ["ACL", "SETUSER", "app"].into_iter().chain(rules.iter().copied()).collect();
    assert_eq!(server.command(&words), "OK");
}

#[tokio::test]
async fn rights_that_are_taken_away_are_named_and_others_go_on() {
    let (server, run, other) = (RedisServer::start(), run_id("run"), run_id("other"));
    user(&server, &["on", &format!(">{SECRET}"), "~*", "&*", "+@all"]);
    let url = format!("redis://app:{SECRET}@127.0.0.1:{}", server.port());
    let (sink, others) =
        (RedisSink::connect(&url).await.unwrap(), RedisSink::connect(&server.url()).await.unwrap());
    open(&sink, &run).await;
    open(&others, &other).await;
    for (seq, taken) in (2..).zip(["-xadd", "-evalsha", "resetkeys"]) {
        let batch = next(&run, EventId::new(1, seq), vec![text(taken)]);
        user(&server, &[taken]);
        expect(sink.append(&batch).await, Config, "rights");
        let beside = next(&other, EventId::new(1, seq), vec![text(taken)]);
        assert_eq!(others.append(&beside).await.unwrap(), Append::Done);
        user(&server, &["~*", "+@all"]);
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    }
    assert_eq!(held(&sink, &run).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_password_that_changes_is_named_and_nothing_is_lost() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let rules = ["on", &format!(">{SECRET}"), "~*", "&*", "+@all"];
    user(&server, &rules);
    let url = format!("redis://app:{SECRET}@127.0.0.1:{}", server.port());
    let sink = Arc::new(RedisSink::connect(&url).await.unwrap());
    open(&sink, &run).await;
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run.clone(), None);
    reader.next().await.unwrap().unwrap();
    user(&server, &["resetpass", ">another"]);
    for kind in ["NORMAL", "PUBSUB"] {
        server.command(&["CLIENT", "KILL", "TYPE", kind]);
    }
    let batch = second(&run);
    expect(sink.append(&batch).await, Config, "password");
    let error = soon("the reader", reader.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    user(&server, &rules);
    let answer = soon("the right password", async {
        loop {
            if let Ok(answer) = sink.append(&batch).await {
                return answer;
            }
        }
    })
    .await;
    assert!(matches!(answer, Append::Done | Append::Duplicate), "{answer:?}");
    let after = events(Arc::clone(&sink) as Arc<dyn EventSink>, run.clone(), Some(EventId::new(1, 1)));
    let mut after = after;
    let event = soon("a reader that comes back", after.next()).await.unwrap().unwrap();
    assert_eq!(event.id, EventId::new(1, 2));
}

#[tokio::test]
async fn runs_that_are_evicted_are_told_and_the_others_go_on() {
    const RUNS: usize = 40;
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let runs: Vec<RunId> = (0..RUNS).map(|n| run_id(&format!("run-{n}"))).collect();
    for run in &runs {
        open(&sink, run).await;
    }
    let exists = |run: &RunId| server.command(&["EXISTS", &format!("gensx:{{{run}}}:ev")]) == "1";
    server.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    // As little as it takes: one key after the other goes, until some of the runs have gone.
    let used = server.command(&["INFO", "memory"]);
    let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let mut limit: u64 = used.trim().parse().unwrap();
    while runs.iter().all(exists) {
        limit -= 8_192;
        server.command(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
        // Any write makes room first.
        server.command(&["SET", "other", "x"]);
    }
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let (here, gone): (Vec<&RunId>, Vec<&RunId>) = runs.iter().partition(|run| exists(run));
    assert!(!here.is_empty() && !gone.is_empty(), "{} were evicted", gone.len());
    for run in here {
        assert_eq!(sink.append(&second(run)).await.unwrap(), Append::Done);
        assert_eq!(held(&sink, run).await, [1, 2]);
    }
    for run in gone {
        assert_eq!(sink.append(&second(run)).await.unwrap(), Append::Lost);
        expect(sink.read(run, 0, 9).await, NotFound, "has no stream");
        assert!(!exists(run), "an owner that lost `{run}` brought it back");
    }
}
