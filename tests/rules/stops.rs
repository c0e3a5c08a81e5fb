//! A run that is stopped after each of its events: drained and resumed, cancelled and retried, at its limit.

use std::time::Duration;

use gensx::{ErrorKind, Event, EventKind, Limits, RunStatus, event::Outcome, prelude::*};

use crate::support::{ran, take_ran};

const SOON: Duration = Duration::from_secs(20);
/// More than the run has events.
const EVENTS: u64 = 30;
const OUTPUT: [u64; 4] = [2, 7, 1, 9];

#[component]
async fn step(n: u64) -> gensx::Result<u64> {
    ran(n.to_string());
    tokio::task::yield_now().await;
    Ok(n)
}

#[component(retry(max_attempts = 2, initial = "5ms"))]
async fn retried(n: u64) -> gensx::Result<u64> {
    let below = step(n).await?;
    if gensx::current().unwrap().attempt == 1 { Err("once".into()) } else { Ok(below) }
}

#[component]
async fn varied(_: u64) -> gensx::Result<Vec<u64>> {
    let task = gensx::spawn(retried(1));
    let mut seen = vec![retried(2).await?];
    gensx::emit_text("draft", "some text");
    gensx::sleep(Duration::from_millis(2)).await?;
    seen.push(gensx::input("n", None).await?);
    seen.push(task.await??);
    seen.push(step(9).await?);
    Ok(seen)
}

async fn start(runtime: &Runtime) -> Run<Vec<u64>> {
    let run = runtime.start(&varied, 0).await.unwrap();
    // A run at its limit may have ended.
    let _ = runtime.send(run.id(), "n", &7, None).await;
    run
}

async fn output(run: &Run<Vec<u64>>) -> gensx::Result<Vec<u64>> {
    tokio::time::timeout(SOON, run.output()).await.expect("the run ends")
}

/// The run's first events, as many as there are of these.
async fn first(run: &Run<Vec<u64>>, count: u64) -> Vec<Event> {
    let (mut events, mut seen) = (run.events(), Vec::new());
    for _ in 0..count {
        seen.extend(events.next().await.map(Result::unwrap));
    }
    seen
}

fn outputs(events: &[Event]) -> Vec<String> {
    let output = |event: &Event| match &event.kind {
        EventKind::Ended { outcome: Outcome::Output { json, .. } } => Some(json.get().to_owned()),
        _ => None,
    };
    events.iter().filter_map(output).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_drained_anywhere_goes_on_from_there() {
    for count in 1..EVENTS {
        let runtime = Runtime::in_memory();
        let run = start(&runtime).await;
        let recorded = outputs(&first(&run, count).await);
        runtime.drain().await;
        match output(&run).await {
            Ok(ended) => assert_eq!(ended, OUTPUT),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Drained),
        }
        take_ran(run.id());
        let resumed = runtime.resume(&varied, run.id()).await.unwrap();
        assert_eq!(output(&resumed).await.unwrap(), OUTPUT, "drained after {count} events");
        let again = take_ran(run.id());
        assert!(!again.iter().any(|n| recorded.contains(n)), "{again:?} after {recorded:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_cancelled_anywhere_ends_once_and_is_retried() {
    for count in 1..EVENTS {
        let runtime = Runtime::in_memory();
        let run = start(&runtime).await;
        first(&run, count).await;
        let (once, twice) = tokio::join!(run.cancel(), run.cancel());
        once.and(twice).unwrap();
        let ended = output(&run).await;
        let events = run.events().collect().await.unwrap();
        assert_eq!(events.iter().position(Event::is_last), Some(events.len() - 1));
        take_ran(run.id());
        match run.status().await.unwrap() {
            RunStatus::Succeeded => assert_eq!(ended.unwrap(), OUTPUT),
            status => {
                assert_eq!((status, ended.unwrap_err().kind()), (RunStatus::Cancelled, ErrorKind::Cancelled));
                let retried = runtime.retry(&varied, run.id()).await.unwrap();
                let _ = runtime.send(retried.id(), "n", &7, None).await;
                assert_eq!(output(&retried).await.unwrap(), OUTPUT, "cancelled after {count} events");
                let again = take_ran(retried.id());
                let recorded = outputs(&events);
                assert!(!again.iter().any(|n| recorded.contains(n)), "{again:?} after {recorded:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_limit_of_events_that_is_reached_anywhere_ends_the_run() {
    for events_per_run in 1..EVENTS {
        let limits = Limits { events_per_run, ..Limits::default() };
        let run = start(&Runtime::builder().limits(limits).build()).await;
        match output(&run).await {
            Ok(ended) => assert_eq!(ended, OUTPUT),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Limit, "{events_per_run}: {error:?}"),
        }
        let events = run.events().collect().await.unwrap();
        assert!(events.last().is_some_and(Event::is_last) && events.len() as u64 <= events_per_run + 1);
        take_ran(run.id());
    }
}
