use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gensx::{
    ErrorKind, EventKind,
    event::{Origin, Outcome},
    prelude::*,
};

use crate::support::{crash, ran, take_ran};

#[component]
async fn part(n: u64) -> gensx::Result<String> {
    ran(format!("part {n}"));
    Ok(gensx::idempotency_key().unwrap_or_default())
}

static REPAIRED: AtomicBool = AtomicBool::new(false);
/// The input that fails until then. Other tests run at the same time.
const FAILS: u64 = 1;

#[component]
async fn last(n: u64) -> gensx::Result<u64> {
    ran("last");
    if n != FAILS || REPAIRED.load(Ordering::SeqCst) { Ok(n) } else { Err("the provider is down".into()) }
}

#[component]
async fn whole(n: u64) -> gensx::Result<(String, u64)> {
    let drawn = gensx::random().await?;
    let key = part(n).await?;
    gensx::sleep(Duration::from_millis(1)).await?;
    last(n).await?;
    Ok((key, drawn))
}

#[tokio::test]
async fn rule_12_retry_of_a_failed_run() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&whole, FAILS).await.unwrap();
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Failed);
    let before = run.events().collect().await.unwrap();
    assert_eq!(take_ran(run.id()), ["part 1", "last"]);

    REPAIRED.store(true, Ordering::SeqCst);
    let retried = runtime.retry(&whole, run.id()).await.unwrap();
    let (key, drawn) = retried.output().await.unwrap();
    assert_ne!(retried.id(), run.id());
    assert_eq!(take_ran(retried.id()), ["last"], "successes are carried over");
    let events = retried.events().collect().await.unwrap();
    let EventKind::RunStarted { retry_of, origin, .. } = &events[0].kind else { panic!("{:?}", events[0]) };
    assert_eq!((retry_of.as_ref(), origin), (Some(run.id()), run.id()));
    let carried = |event: &&gensx::Event| {
        matches!(&event.kind, EventKind::Ended { outcome: Outcome::Output { origin: Origin::Carried, .. } })
    };
    assert_eq!(events.iter().filter(carried).count(), 3, "the number, the part, and the sleep");
    assert!(before.iter().any(|event| event.to_json().contains(&drawn.to_string())));
    assert!(before.iter().any(|event| event.to_json().contains(&key)), "the origin's keys are kept");
    assert_eq!(run.events().collect().await.unwrap().len(), before.len(), "the old stream stays as it is");

    let error = runtime.retry(&whole, retried.id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "a run that succeeded is not retried");
}

#[component]
async fn takes_text(text: String) -> gensx::Result<u64> {
    Ok(text.len() as u64)
}

#[component(name = "whole")]
async fn whole_with_another_input(input: Vec<String>) -> gensx::Result<u64> {
    Ok(input.len() as u64)
}

#[component(name = "part")]
async fn part_with_another_output(n: u64) -> gensx::Result<Vec<u64>> {
    Ok(vec![n])
}

#[component(name = "whole")]
async fn whole_with_another_part(n: u64) -> gensx::Result<u64> {
    Ok(part_with_another_output(n).await?[0])
}

#[tokio::test]
async fn rule_16_changed_programs() {
    let timer = |event: &gensx::Event| matches!(event.kind, EventKind::TimerFired);
    let (crashed, _) = crash(&whole, 5, timer).await;
    let runtime = crashed.runtime();
    let unknown = runtime.resume(&takes_text, &crashed.id).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Replay, "{unknown:#}");
    let other = runtime.resume(&part, &crashed.id).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::NotFound);
    assert!(other.to_string().contains("belongs to workflow `whole`"), "{other}");
    let input = runtime.resume(&whole_with_another_input, &crashed.id).await.unwrap_err();
    assert_eq!(input.kind(), ErrorKind::Replay);
    assert_eq!(crashed.events_so_far().await.last().unwrap().id.epoch, 1, "nobody has claimed the run");

    let run = runtime.resume(&whole_with_another_part, &crashed.id).await.unwrap();
    let error = run.output().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replay);
    let text = error.to_string();
    assert!(text.contains("`part`") && text.contains("String") && text.contains("Vec<u64>"), "{text}");
    let (output, after) = crashed.resume(&whole).await;
    assert!(output.is_ok(), "the run stayed resumable: {output:?}");
    assert_eq!(after, ["last"]);
}

#[component]
async fn sleeper(_: u64) -> gensx::Result<u64> {
    gensx::sleep(Duration::from_millis(300)).await?;
    Ok(1)
}

#[tokio::test]
async fn rule_17_clocks() {
    let set = |event: &gensx::Event| matches!(event.kind, EventKind::TimerSet { .. });
    let (crashed, _) = crash(&sleeper, 0, set).await;
    // A clock that says another year: what is due is decided by the store's time, which went on meanwhile.
    let clock = std::sync::Arc::new(OtherYear::default());
    let runtime = crashed.builder().clock(clock.clone()).build();
    let run = runtime.resume(&sleeper, &crashed.id).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 1);
    let slept = clock.slept.lock().unwrap().clone();
    assert_eq!(slept.len(), 1);
    assert!(slept[0] <= Duration::from_millis(300), "a remaining wait never exceeds its policy: {slept:?}");
}

#[derive(Debug, Default)]
struct OtherYear {
    slept: std::sync::Mutex<Vec<Duration>>,
}

impl gensx::clock::Clock for OtherYear {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(365 * 86_400)
    }

    fn sleep(&self, duration: Duration) -> gensx::clock::BoxFuture<()> {
        self.slept.lock().unwrap().push(duration);
        Box::pin(tokio::time::sleep(duration))
    }
}

#[tokio::test]
async fn a_runtime_that_is_dropped_lets_go_of_its_sink() {
    let sink: Arc<dyn gensx::EventSink> = Arc::new(gensx::MemorySink::new());
    let held = Arc::downgrade(&sink);
    let runtime = Runtime::builder().shared_sink(sink).build();
    runtime.run(&part, 1).await.unwrap();
    drop(runtime);
    let gone = async {
        while held.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("something holds the sink");
}
