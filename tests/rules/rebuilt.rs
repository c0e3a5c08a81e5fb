//! Calls that are dropped, and built again in the same place: now as in a replay.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gensx::{Event, EventKind, prelude::*, testing::crash_points};
use tokio::sync::Notify;

use crate::support::{count, crash, gave, ran, take_ran};

const SOON: Duration = Duration::from_secs(20);

#[component]
async fn paid(n: u64) -> gensx::Result<u64> {
    ran(format!("paid {n}"));
    Ok(n)
}

#[component]
async fn drawn(n: u64) -> gensx::Result<u64> {
    Ok(n + gensx::random().await? % 1_000 * 1_000)
}

static PAID: Notify = Notify::const_new();

/// Does not end the first time.
#[component]
async fn pays(n: u64) -> gensx::Result<(u64, u64)> {
    let outcome = (paid(n).await?, drawn(n).await?);
    ran("pays");
    if count("pays") == 1 {
        PAID.notify_one();
        std::future::pending::<()>().await;
    }
    Ok(outcome)
}

#[component]
async fn pays_again(n: u64) -> gensx::Result<(u64, u64)> {
    tokio::select! {
        biased;
        _ = pays(n) => return Err("the first one never ends".into()),
        () = PAID.notified() => {}
    }
    pays(n).await
}

#[tokio::test]
async fn what_was_recorded_below_a_dropped_call_is_not_run_again() {
    let run = Runtime::in_memory().start(&pays_again, 3).await.unwrap();
    let (paid, drawn) = run.output().await.unwrap();
    assert_eq!((paid, drawn % 1_000), (3, 3));
    assert_eq!(take_ran(run.id()), ["paid 3", "pays", "pays"]);
    let events = run.events().collect().await.unwrap();
    let outcome = |event: &&Event| gave(&drawn.to_string())(event);
    assert_eq!(events.iter().filter(outcome).count(), 1);
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::Divergence { .. })));
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Ends when no message came for a while.
#[component]
async fn counts_messages(_: u64) -> gensx::Result<u64> {
    let mut heard = 0;
    loop {
        tokio::select! {
            biased;
            message = gensx::input::<u64>("message", None) => heard += message?,
            slept = gensx::sleep(PATIENCE) => {
                slept?;
                return Ok(heard);
            }
        }
    }
}

/// Notes how long the waits are, which never end. Of the first one, two thirds are over when it is looked at again.
#[derive(Debug, Default)]
struct Hourglass(Mutex<Vec<Duration>>);

impl gensx::clock::Clock for Hourglass {
    fn elapsed(&self) -> Duration {
        if self.0.lock().unwrap().is_empty() { Duration::ZERO } else { PATIENCE * 2 / 3 }
    }

    fn sleep(&self, duration: Duration) -> gensx::clock::BoxFuture<()> {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_resumed_wait_that_is_begun_anew_has_its_whole_time() {
    let set = |event: &Event| matches!(event.kind, EventKind::TimerSet { .. });
    let (crashed, _) = crash(&counts_messages, 0, set).await;
    let clock = Arc::new(Hourglass::default());
    let runtime = crashed.builder().clock(clock.clone()).build();
    runtime.send(&crashed.id, "message", &1, None).await.unwrap();
    let run = runtime.resume(&counts_messages, &crashed.id).await.unwrap();
    let mut events = run.events();
    let next = async {
        let mut left = 2;
        while left > 0 {
            left -= usize::from(set(&events.next().await.unwrap().unwrap()));
        }
    };
    tokio::time::timeout(SOON, next).await.expect("the stream says that it waits anew");
    runtime.drain().await;
    let waits = clock.0.lock().unwrap().clone();
    assert_eq!(waits.last(), Some(&PATIENCE), "{waits:?}");
}

static DROPPED: AtomicBool = AtomicBool::new(false);

/// Until it was dropped once, its second attempt does not end.
#[component(retry(max_attempts = 2, initial = "1ms"))]
async fn fails_first(n: u64) -> gensx::Result<u64> {
    let attempt = gensx::current().unwrap().attempt;
    ran(format!("attempt {attempt}"));
    if attempt == 1 {
        return Err("the first one".into());
    }
    paid(n).await?;
    if DROPPED.load(Ordering::SeqCst) { Ok(n) } else { std::future::pending().await }
}

#[component]
async fn tries_again(n: u64) -> gensx::Result<u64> {
    tokio::select! {
        biased;
        _ = fails_first(n) => return Err("it is dropped".into()),
        message = gensx::input::<u64>("drop it", None) => message?,
    };
    DROPPED.store(true, Ordering::SeqCst);
    fails_first(n).await
}

#[tokio::test]
async fn a_resumed_call_that_is_begun_anew_has_all_its_attempts() {
    let (crashed, before) = crash(&tries_again, 7, gave("7")).await;
    assert_eq!(before, ["attempt 1", "attempt 2", "paid 7"]);
    crashed.runtime().send(&crashed.id, "drop it", &0, None).await.unwrap();
    let (output, after) = crashed.resume(&tries_again).await;
    assert_eq!(output.unwrap(), 7, "its first attempt fails, and there is another");
    assert!(after.ends_with(&["attempt 1".to_owned(), "attempt 2".to_owned()]), "{after:?}");
}

#[component]
async fn naps(n: u64) -> gensx::Result<u64> {
    gensx::sleep(Duration::from_hours(5)).await?;
    Ok(n)
}

/// Builds the same call in each round, and the first rounds drop it.
#[component]
async fn insists(rounds: u64) -> gensx::Result<Vec<u64>> {
    let mut seen = Vec::new();
    for round in 0..rounds {
        let patience = Duration::from_hours(if round + 1 < rounds { 2 } else { 1_000 });
        tokio::select! {
            biased;
            napped = naps(50) => seen.push(napped?),
            slept = gensx::sleep(patience) => {
                slept?;
                seen.push(round);
            }
        }
    }
    seen.push(paid(77).await?);
    Ok(seen)
}

#[tokio::test]
async fn a_loop_that_drops_its_calls_is_resumed_at_every_event() {
    // A process that ends while waits are open may find several of them due: then the first one built is the first.
    let report = crash_points(&insists, 4).allow_other_calls().same_if(|_, _| true).await.unwrap();
    report.assert_ok();
    assert_eq!(report.end, "the output [0,1,2,50,77]");
}
