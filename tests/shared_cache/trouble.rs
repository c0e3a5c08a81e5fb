//! Redis that is down, silent, flushed, or written to by others: calls are computed, and nothing fails.

use std::time::{Duration, Instant};

use gensx::prelude::*;
use gensx_test_servers::RedisServer;

use crate::support::{begun, compute, computes_many, fresh, keys, runtime, shut, soon, starts, until};

/// Each call waits for an answer once when it looks and once when it keeps, a second at most; and a machine may be busy.
const MOST_FOR_ONE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_calls_are_computed() {
    let mut server = RedisServer::start();
    let runtime = runtime(&server).await;
    assert_eq!(runtime.run(&compute, fresh("before")).await.unwrap(), 1);
    server.kill();
    let began = Instant::now();
    let runs: Vec<_> = (0..50).map(|_| starts(&runtime, &fresh("down"))).collect();
    for run in runs {
        assert_eq!(soon("a run", run).await.unwrap().unwrap(), 1);
    }
    assert!(began.elapsed() < MOST_FOR_ONE, "{:?}", began.elapsed());
    let word = fresh("down");
    assert_eq!(runtime.run(&computes_many, (word.clone(), 20)).await.unwrap().len(), 20);
    assert!(begun(&word) >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_holds_nothing_up_and_is_used_again() {
    let server = RedisServer::start();
    let runtime = runtime(&server).await;
    let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let began = Instant::now();
    let runs: Vec<_> = (0..20).map(|_| starts(&runtime, &fresh("silent"))).collect();
    for run in runs {
        assert_eq!(soon("a run", run).await.unwrap().unwrap(), 1);
    }
    let took = began.elapsed();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    assert!(took < MOST_FOR_ONE, "{took:?}");
    // It is noticed that it answers, by whoever asks after the rest.
    let began = Instant::now();
    loop {
        let word = fresh("again");
        runtime.run(&compute, word.clone()).await.unwrap();
        if runtime.run(&compute, word.clone()).await.unwrap() == 1 && begun(&word) == 1 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_at_its_keys_is_computed_around() {
    let server = RedisServer::start();
    let runtime = runtime(&server).await;
    let word = fresh("foreign");
    assert_eq!(runtime.run(&compute, word.clone()).await.unwrap(), 1);
    let output = keys(&server).remove(0);
    let lock = output.replace(":out", ":lock");
    // Text that is no JSON, another type: neither is an output. What can be replaced is.
    server.command(&["SET", &output, "no json"]);
    assert_eq!(runtime.run(&compute, word.clone()).await.unwrap(), 2);
    assert_eq!(runtime.run(&compute, word.clone()).await.unwrap(), 2, "a hit");
    server.command(&["DEL", &output]);
    server.command(&["LPUSH", &lock, "x"]);
    assert_eq!(runtime.run(&compute, word.clone()).await.unwrap(), 3);
    server.command(&["DEL", &lock, &output]);
    server.command(&["LPUSH", &output, "x"]);
    assert_eq!(runtime.run(&compute, word.clone()).await.unwrap(), 4);
    let other = fresh("foreign");
    assert_eq!(runtime.run(&compute, other.clone()).await.unwrap(), 1);
    assert_eq!(runtime.run(&compute, other).await.unwrap(), 1, "other keys are as ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_in_the_middle_costs_a_computation_and_nothing_else() {
    let server = RedisServer::start();
    let (one, other, word) = (runtime(&server).await, runtime(&server).await, fresh("flushed"));
    shut(&word, true);
    let first = starts(&one, &word);
    until("the leader", || begun(&word) == 1).await;
    let second = starts(&other, &word);
    crate::support::until_followed(&server).await;
    server.command(&["FLUSHALL"]);
    server.command(&["SCRIPT", "FLUSH"]);
    until("the follower leads", || begun(&word) == 2).await;
    shut(&word, false);
    let outputs = soon("both", futures_util::future::join(first, second)).await;
    assert_eq!((outputs.0.unwrap().unwrap(), outputs.1.unwrap().unwrap()), (1, 2));
    assert_eq!(Runtime::clone(&one).run(&compute, word.clone()).await.unwrap(), 2, "who leads fills");
}
