//! Calls, sleeps and inputs that are dropped, or outlived by who holds them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use gensx::{
    Error, ErrorKind, Event, EventKind, EventSink, MemorySink, RunId, event::Outcome, prelude::*,
    sink::Message,
};
use tokio::task::JoinHandle;

use crate::support::{Dying, crash, crash_on, gave, ran, take_ran};

const SOON: Duration = Duration::from_secs(20);

#[component]
async fn step(name: &str) -> gensx::Result<String> {
    ran(format!("step {name}"));
    tokio::task::yield_now().await;
    Ok(name.to_owned())
}

static TRIED: AtomicU32 = AtomicU32::new(0);

#[component]
async fn answers_the_second_time(n: u64) -> gensx::Result<u64> {
    ran("answers");
    if TRIED.fetch_add(1, Ordering::SeqCst) == 0 {
        std::future::pending::<()>().await;
    }
    Ok(n)
}

#[component]
async fn asks_again(_: u64) -> gensx::Result<u64> {
    match select(answers_the_second_time(5), step("winner")).await {
        Either::Left(_) => return Err("the first one never answers".into()),
        Either::Right((winner, _)) => winner?,
    };
    let answer = answers_the_second_time(5).await?;
    step("last").await?;
    Ok(answer)
}

#[tokio::test]
async fn what_a_later_call_recorded_in_a_place_is_kept_for_it() {
    let (crashed, before) = crash(&asks_again, 0, gave("\"last\"")).await;
    assert_eq!(before, ["answers", "step winner", "answers", "step last"]);
    let (output, after) = crashed.resume(&asks_again).await;
    assert_eq!((output.unwrap(), after), (5, Vec::new()));
}

static SINK: Mutex<Option<Arc<dyn EventSink>>> = Mutex::new(None);

/// Sends its own run a message.
#[component]
async fn posts(n: u64) -> gensx::Result<()> {
    let sink = SINK.lock().unwrap().clone().unwrap();
    let message = Message { number: 0, name: "n".to_owned(), body: n.to_string(), id: None };
    sink.send(&gensx::current().unwrap().run, message).await.map_err(Error::new)?;
    Ok(())
}

#[component]
async fn listens_again(_: u64) -> gensx::Result<u64> {
    match select(Box::pin(gensx::input::<u64>("n", None)), step("winner")).await {
        Either::Left(_) => return Err("nothing was sent yet".into()),
        Either::Right((winner, _)) => winner?,
    };
    posts(7).await?;
    let heard = gensx::input::<u64>("n", None).await?;
    step("last").await?;
    Ok(heard)
}

#[tokio::test]
async fn a_message_that_a_later_input_took_is_its_own_at_a_replay() {
    let sink: Arc<dyn EventSink> = Arc::new(MemorySink::new());
    *SINK.lock().unwrap() = Some(Arc::clone(&sink));
    let (crashed, _) = crash_on(sink, &listens_again, 0, gave("\"last\"")).await;
    let resumed = tokio::time::timeout(SOON, crashed.resume(&listens_again)).await;
    let (output, after) = resumed.expect("the message is not waited for again");
    assert_eq!((output.unwrap(), after), (7, Vec::new()));
}

static DROP_IT: tokio::sync::Notify = tokio::sync::Notify::const_new();

#[component]
async fn is_impatient(_: u64) -> gensx::Result<u64> {
    tokio::select! {
        biased;
        () = DROP_IT.notified() => {}
        heard = gensx::input::<u64>("n", None) => return Ok(1_000 + heard?),
    }
    gensx::input::<u64>("n", None).await
}

#[tokio::test]
async fn an_input_dropped_while_its_message_is_recorded_leaves_it_to_the_next() {
    let sink = Dying::slow(|event| matches!(event.kind, EventKind::InputReceived { .. }));
    let runtime = Runtime::builder().shared_sink(Arc::clone(&sink) as Arc<dyn EventSink>).build();
    let run = runtime.start(&is_impatient, 0).await.unwrap();
    runtime.send(run.id(), "n", &7, None).await.unwrap();
    sink.is_slow.notified().await;
    DROP_IT.notify_one();
    sink.goes_on.notify_one();
    let heard = tokio::time::timeout(SOON, run.output()).await.expect("the message is there");
    assert_eq!(heard.unwrap(), 7);
    let events = run.events().collect().await.unwrap();
    let received = |event: &&Event| matches!(event.kind, EventKind::InputReceived { .. });
    assert_eq!(events.iter().filter(received).count(), 1);
}

#[component]
async fn times_out_twice(_: u64) -> gensx::Result<()> {
    for _ in 0..2 {
        drop(select(Box::pin(gensx::sleep(Duration::from_secs(3_600))), step("winner")).await);
    }
    Ok(())
}

#[tokio::test]
async fn a_sleep_that_is_dropped_is_said_to_be_over() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&times_out_twice, 0).await.unwrap();
    run.output().await.unwrap();
    take_ran(run.id());
    let events = run.events().collect().await.unwrap();
    let count = |kind: fn(&EventKind) -> bool| events.iter().filter(|event| kind(&event.kind)).count();
    assert_eq!(count(|kind| matches!(kind, EventKind::TimerSet { .. })), 2);
    assert_eq!(count(|kind| matches!(kind, EventKind::Ended { outcome: Outcome::Cancelled })), 2);
}

static LEFT: Mutex<Option<JoinHandle<gensx::Result<()>>>> = Mutex::new(None);

/// Its sleep outlives it, in a task of the application's own.
#[component]
async fn leaves_a_sleep(_: u64) -> gensx::Result<()> {
    *LEFT.lock().unwrap() = Some(tokio::spawn(gensx::sleep(Duration::from_secs(3_600))));
    step("beside").await.map(drop)
}

#[component]
async fn goes_on(_: u64) -> gensx::Result<()> {
    leaves_a_sleep(0).await?;
    gensx::input("end", None).await
}

#[tokio::test]
async fn a_sleep_in_a_task_of_its_own_ends_with_its_component() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&goes_on, 0).await.unwrap();
    let mut events = run.events();
    while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::InputRequested { .. }) {}
    let left = LEFT.lock().unwrap().take().unwrap();
    let left = tokio::time::timeout(SOON, left).await.expect("it hears that its component has ended");
    assert_eq!(left.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    runtime.send(run.id(), "end", &(), None).await.unwrap();
    run.output().await.unwrap();
    take_ran(run.id());
}

const ROUNDS: u64 = 400;
const CHILDREN: u64 = 6;

#[component]
async fn child(round: u64, n: u64) -> gensx::Result<u64> {
    for _ in 0..(round + n) % 4 {
        tokio::task::yield_now().await;
    }
    Ok(n)
}

/// Its children are polled on other threads, and it ends while they do.
#[component]
async fn races(round: u64) -> gensx::Result<u64> {
    let children: Vec<_> = (0..CHILDREN).map(|n| tokio::spawn(child(round, n))).collect();
    for _ in 0..round % 7 {
        tokio::task::yield_now().await;
    }
    Ok(children.len() as u64)
}

#[component(durability = "pipelined")]
async fn many_races(rounds: u64) -> gensx::Result<()> {
    for round in 0..rounds {
        races(round).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_of_a_child_follows_its_parents_end() {
    let runtime = Runtime::builder().sink(MemorySink::new()).durability(gensx::Durability::Pipelined).build();
    let id: RunId = RunId::generate();
    let run = runtime.start_with_id(&many_races, id, ROUNDS).await.unwrap();
    run.output().await.unwrap();
    let (mut parents, mut ended) = (std::collections::HashMap::new(), std::collections::HashSet::new());
    for event in run.events().collect().await.unwrap() {
        if let EventKind::Started { parent, .. } = &event.kind {
            parents.insert(event.call, *parent);
        }
        let parent = parents.get(&event.call).copied().flatten();
        assert!(
            parent.is_none_or(|parent| !ended.contains(&Some(parent))),
            "{event:?} follows its parent's end"
        );
        if let EventKind::Ended { .. } = event.kind {
            ended.insert(event.call);
        }
    }
    assert_eq!(ended.len() as u64, ROUNDS + parents.len() as u64 - ROUNDS, "every call has an end");
}
