use std::time::Duration;

use futures_util::future::{Either, select};
use gensx::{Durability, ErrorKind, EventKind, event::Outcome, prelude::*};

use crate::support::{crash, gave, has, ran, take_ran};

#[component]
async fn step(name: &str, ms: u64) -> gensx::Result<String> {
    ran(format!("step {name}"));
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Ok(name.to_owned())
}

#[component]
async fn forever(name: &str) -> gensx::Result<String> {
    ran(format!("forever {name}"));
    std::future::pending().await
}

#[component]
async fn selects(_: u64) -> gensx::Result<String> {
    // The loser is polled first, so a replay that started it at once would bill it again.
    let winner = match select(forever("loser"), step("winner", 1)).await {
        Either::Left((loser, _)) => loser?,
        Either::Right((winner, _)) => winner?,
    };
    step("after", 0).await?;
    Ok(winner)
}

#[component]
async fn joined(_: u64) -> gensx::Result<Vec<String>> {
    let order = std::sync::Mutex::new(Vec::new());
    let note = async |call: gensx::Call<'_, String>| -> gensx::Result<()> {
        let name = call.await?;
        order.lock().unwrap().push(name);
        Ok(())
    };
    tokio::try_join!(note(step("slow", 30)), note(step("fast", 1)), note(step("middle", 15)))?;
    step("end", 0).await?;
    Ok(order.into_inner().unwrap())
}

#[tokio::test]
async fn rule_8_replay_order() {
    let (crashed, before) = crash(&selects, 0, gave("\"after\"")).await;
    assert_eq!(
        before,
        ["step winner", "forever loser", "step after"].map(str::to_owned).to_vec().tap_sorted(&before)
    );
    let (output, after) = crashed.resume(&selects).await;
    assert_eq!(output.unwrap(), "winner");
    assert_eq!(after, [""; 0], "the loser is not started again");

    let (crashed, _) = crash(&joined, 0, gave("\"end\"")).await;
    let (output, after) = crashed.resume(&joined).await;
    assert_eq!(output.unwrap(), ["fast", "middle", "slow"], "outcomes are heard in the stream's order");
    assert_eq!(after, [""; 0]);
}

trait TapSorted {
    fn tap_sorted(self, like: &[String]) -> Vec<String>;
}

impl TapSorted for Vec<String> {
    /// The same names, in the order of `like`: which of two is polled first is not what is tested.
    fn tap_sorted(self, like: &[String]) -> Vec<String> {
        let mut sorted = self;
        sorted.sort_by_key(|name| like.iter().position(|other| other == name));
        sorted
    }
}

#[component]
async fn leaves_tasks(_: u64) -> gensx::Result<String> {
    let call = forever("spawned");
    let task = tokio::spawn(call);
    let owned = gensx::spawn(async { forever("adopted").await });
    drop(owned);
    while take_started().await < 2 {}
    TASK.lock().unwrap().replace(task);
    Ok("done".to_owned())
}

static TASK: std::sync::Mutex<Option<tokio::task::JoinHandle<gensx::Result<String>>>> =
    std::sync::Mutex::new(None);

async fn take_started() -> usize {
    tokio::task::yield_now().await;
    crate::support::count("forever")
}

#[tokio::test]
async fn rule_9_no_orphans() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&leaves_tasks, 0).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "done");
    let task = TASK.lock().unwrap().take().unwrap();
    let late = task.await.unwrap().unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Cancelled);
    let events = run.events().collect().await.unwrap();
    let cancelled =
        events.iter().filter(|event| matches!(event.kind, EventKind::Ended { outcome: Outcome::Cancelled }));
    assert_eq!(cancelled.count(), 2, "both are cancelled on the stream, before the run's end");
    assert!(events.last().unwrap().is_last());
    take_ran(run.id());
}

#[component]
async fn catches_everything(_: u64) -> gensx::Result<String> {
    let caught = forever("held").await;
    ran(format!("caught {caught:?}"));
    Ok("caught".to_owned())
}

#[tokio::test]
async fn rule_10_control_is_not_an_error() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&catches_everything, 0).await.unwrap();
    run.cancel().await.unwrap();
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(run.status().await.unwrap(), gensx::RunStatus::Cancelled);
    assert!(!take_ran(run.id()).iter().any(|what| what.starts_with("caught")));

    let run = runtime.start(&catches_everything, 1).await.unwrap();
    runtime.drain().await;
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Drained);
    assert_eq!(
        run.status().await.unwrap(),
        gensx::RunStatus::Running,
        "a run that is let go of has not ended"
    );
    assert!(!take_ran(run.id()).iter().any(|what| what.starts_with("caught")));
}

#[component(durability = "pipelined")]
async fn early(n: u64) -> gensx::Result<u64> {
    ran(format!("early {n}"));
    Ok(n)
}

#[component]
async fn strict_after(n: u64) -> gensx::Result<u64> {
    ran(format!("strict {n}"));
    Ok(n)
}

#[component]
async fn pipeline(_: u64) -> gensx::Result<u64> {
    let mut sum = 0;
    for n in 1..=5 {
        sum += early(n).await?;
    }
    Ok(sum + strict_after(100).await?)
}

#[tokio::test]
async fn rule_13_durability() {
    let (crashed, before) = crash(&pipeline, 0, gave("5")).await;
    assert_eq!(before.len(), 5, "the strict call waits for what was given early: {before:?}");
    let (output, after) = crashed.resume(&pipeline).await;
    assert_eq!(output.unwrap(), 115);
    assert_eq!(after, ["strict 100"]);
    let sink = std::sync::Arc::new(gensx::MemorySink::new());
    let all = Runtime::builder().shared_sink(sink).durability(Durability::Pipelined).build();
    assert_eq!(all.run(&pipeline, 0).await.unwrap(), 115);
}

#[component]
async fn context(_: u64) -> gensx::Result<Vec<String>> {
    let built = step("built before", 0);
    let spawned = tokio::spawn(built);
    let adopted = gensx::spawn(async { step("in gensx::spawn", 0).await });
    let outside = tokio::spawn(async { gensx::current().is_none() });
    let (a, b) = tokio::join!(step("joined", 0), step("joined", 0));
    let mut names = vec![a?, b?, spawned.await.map_err(gensx::Error::new)??, adopted.await??];
    names.push(format!("outside {}", outside.await.map_err(gensx::Error::new)?));
    Ok(names)
}

#[tokio::test]
async fn rule_15_context() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&context, 0).await.unwrap();
    let names = run.output().await.unwrap();
    assert_eq!(names, ["joined", "joined", "built before", "in gensx::spawn", "outside true"]);
    let events = run.events().collect().await.unwrap();
    let root = events.iter().find_map(|event| match &event.kind {
        EventKind::Started { parent, .. } => *parent,
        _ => None,
    });
    let under = |kind: &EventKind| matches!(kind, EventKind::Started { parent, .. } if *parent == root);
    assert_eq!(events.iter().filter(|event| under(&event.kind)).count(), 4, "all are children of one call");
    assert!(!has(&events, |kind| matches!(kind, EventKind::Divergence { .. })));
    take_ran(run.id());
}

/// Wakes itself whenever it is polled, as some executors' `yield_now` does.
async fn spin() {
    let mut again = true;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::take(&mut again) { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
}

#[component]
async fn spins(_: u64) -> gensx::Result<String> {
    let done = std::sync::atomic::AtomicBool::new(false);
    let spinner = async {
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            spin().await;
        }
    };
    let work = async {
        let name = step("spun", 0).await;
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        name
    };
    let ((), name) = tokio::join!(spinner, work);
    step("after it", 0).await?;
    name
}

#[tokio::test]
async fn code_that_never_rests_holds_no_replay_up() {
    let (crashed, _) = crash(&spins, 0, gave("\"after it\"")).await;
    let resumed = tokio::time::timeout(Duration::from_secs(20), crashed.resume(&spins)).await;
    let (output, after) = resumed.expect("what is recorded is heard");
    assert_eq!((output.unwrap(), after), ("spun".to_owned(), Vec::new()));
}
