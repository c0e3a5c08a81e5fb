//! Whole runs on a Redis that goes wrong under them: they wait, or stop with an error that says what to do, and other runs
//! go on.

use std::{sync::Arc, time::Duration};

use gensx::{ErrorKind, EventKind, EventSink, RedisSink, RunStatus, prelude::*};
use gensx_test_servers::RedisServer;
use tokio::sync::Semaphore;

use crate::support::{ran, take_ran};

/// The longest wait for anything that should happen.
const SOON: Duration = Duration::from_secs(60);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("waited {SOON:?} for {what}"))
}

async fn on(server: &RedisServer) -> Runtime {
    let sink: Arc<dyn EventSink> = Arc::new(RedisSink::connect(&server.url()).await.unwrap());
    Runtime::builder().shared_sink(sink).build()
}

/// Waits until a run's stream holds an event.
async fn until(run: &Run<impl Sized>, wanted: impl Fn(&EventKind) -> bool) {
    let mut events = run.events();
    soon("an event", async { while !wanted(&events.next().await.unwrap().unwrap().kind) {} }).await;
}

#[component]
async fn step(n: u64) -> gensx::Result<u64> {
    ran(format!("step {n}"));
    Ok(n)
}

/// Held in its middle until a test lets it go on.
#[component]
async fn held(#[skip] gate: &'static Semaphore) -> gensx::Result<u64> {
    ran("held");
    gate.acquire().await.unwrap().forget();
    Ok(1)
}

static OF_THE_LOST: Semaphore = Semaphore::const_new(0);
static OF_THE_FULL: Semaphore = Semaphore::const_new(0);
static OF_THE_RESTARTED: Semaphore = Semaphore::const_new(0);

#[component]
async fn loses(_: u64) -> gensx::Result<u64> {
    Ok(step(1).await? + held(&OF_THE_LOST).await? + step(2).await?)
}

#[component]
async fn fills(_: u64) -> gensx::Result<u64> {
    Ok(step(1).await? + held(&OF_THE_FULL).await? + step(2).await?)
}

#[component]
async fn restarts(_: u64) -> gensx::Result<u64> {
    Ok(step(1).await? + held(&OF_THE_RESTARTED).await? + step(2).await?)
}

fn is_held(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Started { name, .. } if &**name == "held")
}

#[tokio::test]
async fn a_run_whose_key_is_gone_stops_and_says_what_to_do_and_another_goes_on() {
    let server = RedisServer::start();
    let runtime = on(&server).await;
    let (lost, other) = (runtime.start(&loses, 1).await.unwrap(), runtime.start(&loses, 2).await.unwrap());
    until(&lost, is_held).await;
    until(&other, is_held).await;
    assert_eq!(server.command(&["DEL", &format!("gensx:{{{}}}:ev", lost.id())]), "1");
    OF_THE_LOST.add_permits(2);
    let error = soon("the lost run", lost.output()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error:#}");
    assert!(error.to_string().contains("no longer holds the end of its stream: resume it"), "{error:#}");
    assert_eq!(take_ran(lost.id()), ["step 1", "held"], "it went on though it was lost");
    assert_eq!(soon("the other run", other.output()).await.unwrap(), 4);
    let error = runtime.resume(&loses, lost.id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:#}");
    assert_eq!(server.command(&["EXISTS", &format!("gensx:{{{}}}:ev", lost.id())]), "0");
}

#[tokio::test]
async fn a_run_waits_while_the_server_has_no_memory_left() {
    let server = RedisServer::start();
    let run = on(&server).await.start(&fills, 1).await.unwrap();
    until(&run, is_held).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1mb"]);
    OF_THE_FULL.add_permits(1);
    // Its append is refused, and repeated.
    soon("a refusal", async {
        while server.command(&["INFO", "errorstats"]).matches("OOM").count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(run.status().await.unwrap(), RunStatus::Running);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(soon("the run", run.output()).await.unwrap(), 4);
    assert_eq!(take_ran(run.id()), ["step 1", "held", "step 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_and_its_reader_outlast_a_server_that_is_killed_and_started_again() {
    let mut server =
        RedisServer::builder().option("appendonly", "yes").option("appendfsync", "always").start();
    let run = on(&server).await.start(&restarts, 1).await.unwrap();
    until(&run, is_held).await;
    let reads = tokio::spawn(run.events().collect());
    server.kill();
    // Its append fails for a while.
    OF_THE_RESTARTED.add_permits(1);
    let server = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let server = server.await.unwrap();
    assert_eq!(soon("the run", run.output()).await.unwrap(), 4);
    assert_eq!(take_ran(run.id()), ["step 1", "held", "step 2"], "what was acknowledged ran again");
    let seen = soon("the reader", reads).await.unwrap().unwrap();
    assert!(seen.iter().zip(1..).all(|(event, seq)| event.id.seq == seq));
    assert!(seen.last().is_some_and(gensx::Event::is_last));
    drop(server);
}

#[component]
async fn asks_twice(_: u64) -> gensx::Result<(u64, u64)> {
    Ok((gensx::input("n", None).await?, gensx::input("n", None).await?))
}

/// As after a failover to a replica that never had a message, nor what the run wrote when it took it.
#[tokio::test]
async fn a_run_whose_messages_were_lost_is_let_go_of_and_takes_new_ones_when_it_is_resumed() {
    let server = RedisServer::start();
    let runtime = on(&server).await;
    let run = runtime.start(&asks_twice, 1).await.unwrap();
    let key = |what: &str| format!("gensx:{{{}}}:{what}", run.id());
    until(&run, |kind| matches!(kind, EventKind::InputRequested { .. })).await;
    assert_eq!(server.command(&["COPY", &key("ev"), &key("replica")]), "1");
    runtime.send(run.id(), "n", &1, None).await.unwrap();
    // It rests: nothing that it appends would tell it.
    let requests = std::cell::Cell::new(0);
    until(&run, |kind| {
        requests.set(requests.get() + u32::from(matches!(kind, EventKind::InputRequested { .. })));
        requests.get() == 2
    })
    .await;
    server.command(&["DEL", &key("in")]);
    server.command(&["RENAME", &key("replica"), &key("ev")]);
    // The number of the message that was lost is given again.
    runtime.send(run.id(), "n", &2, None).await.unwrap();
    let error = soon("the run", run.output()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error:#}");
    assert!(error.to_string().contains("resume it"), "{error:#}");
    let again = on(&server).await;
    let run = again.resume(&asks_twice, run.id()).await.unwrap();
    again.send(run.id(), "n", &3, None).await.unwrap();
    assert_eq!(soon("the run", run.output()).await.unwrap(), (2, 3));
}
