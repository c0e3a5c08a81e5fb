//! Messages from outside: `input`, and cancelling.

use std::time::Duration;

use gensx::{ErrorKind, EventKind, RunStatus, prelude::*};

use crate::support::{crash, ran, take_ran};

#[component]
async fn asks(count: u64) -> gensx::Result<Vec<Option<bool>>> {
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(gensx::input::<Option<bool>>("approve", None).await?);
    }
    Ok(answers)
}

#[component]
async fn hurries(_: u64) -> gensx::Result<String> {
    let late = gensx::input::<String>("name", Duration::from_millis(5)).await.unwrap_err();
    let name: String = gensx::input("name", Duration::from_secs(30)).await?;
    Ok(format!("{:?} then {name}", late.kind()))
}

async fn until(run: &Run<impl Sized>, wanted: impl Fn(&EventKind) -> bool) {
    let mut events = run.events();
    while let Some(event) = events.next().await {
        if wanted(&event.unwrap().kind) {
            return;
        }
    }
    panic!("the run ended before that");
}

#[tokio::test]
async fn early_repeated_and_falsy_messages() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&asks, 3).await.unwrap();
    for _ in 0..3 {
        runtime.send(run.id(), "approve", &false, Some("click-1")).await.unwrap();
    }
    runtime.send(run.id(), "approve", &(), None).await.unwrap();
    runtime.send(run.id(), "approve", &true, None).await.unwrap();
    assert_eq!(run.output().await.unwrap(), [Some(false), None, Some(true)]);
    let error = runtime.send(run.id(), "approve", &true, None).await.unwrap_err();
    assert!(error.to_string().contains("has ended"), "{error}");
}

#[tokio::test]
async fn late_messages_wait_for_the_next_who_asks() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&hurries, 0).await.unwrap();
    let mut requests = 0;
    let mut events = run.events();
    while requests < 2 {
        if let EventKind::InputRequested { .. } = events.next().await.unwrap().unwrap().kind {
            requests += 1;
        }
    }
    runtime.send(run.id(), "name", &"ada", None).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "Timeout then ada");
}

#[tokio::test]
async fn wrongly_typed_messages_are_recorded_and_the_wait_goes_on() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&asks, 1).await.unwrap();
    runtime.send(run.id(), "approve", &"yes", None).await.unwrap();
    until(&run, |kind| matches!(kind, EventKind::InputRejected { reason, .. } if reason.contains("bool")))
        .await;
    runtime.send(run.id(), "approve", &true, None).await.unwrap();
    assert_eq!(run.output().await.unwrap(), [Some(true)]);
}

#[component]
async fn asks_twice(_: u64) -> gensx::Result<(u64, u64)> {
    let first = gensx::input("n", None).await?;
    ran(format!("first {first}"));
    Ok((first, gensx::input("n", None).await?))
}

#[tokio::test]
async fn messages_outlive_the_process_and_are_taken_once() {
    let second = std::sync::atomic::AtomicU32::new(0);
    let asked_again = move |event: &gensx::Event| {
        matches!(event.kind, EventKind::InputRequested { .. })
            && second.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0
    };
    let (crashed, _) = crash(&asks_twice, 0, asked_again).await;
    let other = crashed.runtime();
    other.send(&crashed.id, "n", &1, None).await.unwrap();
    other.send(&crashed.id, "n", &2, None).await.unwrap();
    let (output, after) = crashed.resume(&asks_twice).await;
    assert_eq!((output.unwrap(), after), ((1, 2), vec!["first 1".to_owned()]));
}

#[component]
async fn waits(_: u64) -> gensx::Result<u64> {
    gensx::input("never", None).await
}

#[tokio::test]
async fn a_run_is_cancelled_from_another_process() {
    let sink = std::sync::Arc::new(gensx::MemorySink::new());
    let (here, there) =
        (Runtime::builder().shared_sink(sink.clone()).build(), Runtime::builder().shared_sink(sink).build());
    let run = here.start(&waits, 0).await.unwrap();
    until(&run, |kind| matches!(kind, EventKind::InputRequested { .. })).await;
    there.attach::<u64>(run.id()).await.unwrap().cancel().await.unwrap();
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(run.status().await.unwrap(), RunStatus::Cancelled);
    run.cancel().await.unwrap();
}

#[tokio::test]
async fn a_run_that_nobody_executes_is_cancelled_when_it_is_resumed() {
    let asked = |event: &gensx::Event| matches!(event.kind, EventKind::InputRequested { .. });
    let (crashed, _) = crash(&waits, 0, asked).await;
    crashed.runtime().attach::<u64>(&crashed.id).await.unwrap().cancel().await.unwrap();
    let (output, after) = crashed.resume(&waits).await;
    assert_eq!(output.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(after, [""; 0]);
    let since: Vec<_> = crashed.events().await.into_iter().filter(|event| event.id.epoch == 2).collect();
    let [claimed, ended] = &since[..] else { panic!("{since:?}") };
    assert!(matches!(claimed.kind, EventKind::RunClaimed { .. }));
    assert!(matches!(ended.kind, EventKind::RunEnded { status: RunStatus::Cancelled, .. }));
    take_ran(&crashed.id);
}
