use std::sync::atomic::{AtomicU32, Ordering};

use gensx::{ErrorKind, EventKind, prelude::*};
use serde::{Deserialize, Serialize};

use crate::support::{crash, gave, has, ran};

#[component]
async fn cheap(n: u64) -> gensx::Result<u64> {
    ran(format!("cheap {n}"));
    Ok(n)
}

static SHAKY: AtomicU32 = AtomicU32::new(0);

#[component]
async fn shaky(n: u64) -> gensx::Result<u64> {
    ran("shaky");
    if SHAKY.fetch_add(1, Ordering::SeqCst) < 2 { Err("not yet".into()) } else { Ok(n) }
}

fn always(_: &gensx::Error) -> bool {
    true
}

#[component(retry(max_attempts = 5, initial = "1ms", when = always))]
async fn parent(n: u64) -> gensx::Result<u64> {
    ran("parent");
    Ok(cheap(n).await? + shaky(n).await?)
}

#[component(retry(max_attempts = 5, initial = "1ms"))]
async fn parent_without_when(_: u64) -> gensx::Result<u64> {
    ran("parent");
    broken(1).await
}

#[component(retry(max_attempts = 2, initial = "1ms"))]
async fn broken(n: u64) -> gensx::Result<u64> {
    ran("broken");
    Err(format!("always {n}").into())
}

#[tokio::test]
async fn rule_6_attempts() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&parent, 4).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 8);
    let ran = crate::support::take_ran(run.id());
    assert_eq!(
        ran,
        ["parent", "cheap 4", "shaky", "parent", "shaky", "parent", "shaky"],
        "the child's success is reused"
    );

    let run = runtime.start(&parent_without_when, 0).await.unwrap();
    let error = run.output().await.unwrap_err();
    assert_eq!(crate::support::take_ran(run.id()), ["parent", "broken", "broken"], "retries do not multiply");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Failed, 1));
}

#[component(retry(max_attempts = 2, initial = "1ms"), timeout = "10s")]
async fn interrupted(n: u64) -> gensx::Result<u64> {
    ran(format!("attempt {}", gensx::current().unwrap().attempt));
    cheap(n).await?;
    if gensx::current().unwrap().attempt == 1 {
        return Err("first".into());
    }
    Ok(n)
}

#[tokio::test]
async fn rule_6_an_attempt_interrupted_by_a_crash_uses_up_no_budget() {
    let (crashed, before) = crash(&interrupted, 9, gave("9")).await;
    assert_eq!(before, ["attempt 1", "cheap 9"]);
    let (output, after) = crashed.resume(&interrupted).await;
    assert_eq!(output.unwrap(), 9);
    assert_eq!(after, ["attempt 1", "attempt 2"]);
}

#[component]
async fn picky(n: u64) -> gensx::Result<u64> {
    ran(format!("picky {n}"));
    Ok(u64::from(gensx::current().unwrap().attempt))
}

#[component]
async fn ensures(n: u64) -> gensx::Result<u64> {
    let policy = RetryPolicy::new(3).initial(std::time::Duration::from_millis(1));
    picky(n).retry(policy).ensure(|attempt| *attempt == 2).await
}

#[tokio::test]
async fn rule_6_ensure_makes_an_output_a_failure_of_the_child() {
    assert_eq!(Runtime::in_memory().run(&ensures, 0).await.unwrap(), 2);
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[error("http {status}")]
struct Http {
    status: u16,
}

static ONCE: AtomicU32 = AtomicU32::new(0);

#[component]
async fn fetch(_url: &str) -> Result<u64, Http> {
    ran("fetch");
    if ONCE.fetch_add(1, Ordering::SeqCst) == 0 { Err(Http { status: 503 }) } else { Ok(1) }
}

#[component]
async fn branches(_: u64) -> gensx::Result<String> {
    let branch = match fetch("http://x").await {
        Ok(_) => "it worked".to_owned(),
        Err(error) => format!(
            "{:?} {} {:?}",
            error.kind(),
            error.attempts(),
            error.find::<Http>().map(|http| http.status)
        ),
    };
    cheap(1).await?;
    Ok(branch)
}

#[tokio::test]
async fn rule_7_failures_replay() {
    let (crashed, before) = crash(&branches, 0, gave("1")).await;
    assert_eq!(before, ["fetch", "cheap 1"]);
    let (output, after) = crashed.resume(&branches).await;
    assert_eq!(
        output.unwrap(),
        "Failed 1 Some(503)",
        "the same branch, though the call would have succeeded now"
    );
    assert_eq!(after, [""; 0]);
}

#[component]
async fn panics(n: u64) -> gensx::Result<u64> {
    let list: Vec<u64> = Vec::new();
    Ok(list[usize::try_from(n).unwrap()])
}

#[component(timeout = "5ms")]
async fn hangs(_: u64) -> gensx::Result<u64> {
    std::future::pending().await
}

fn zero(error: gensx::Error, n: u64) -> u64 {
    assert_eq!(error.kind(), ErrorKind::Failed);
    n * 100
}

#[component(fallback = zero, cache(ttl = "1h"))]
async fn with_fallback(n: u64) -> gensx::Result<u64> {
    ran("with_fallback");
    Err(format!("no {n}").into())
}

#[component]
async fn boundaries(_: u64) -> gensx::Result<(String, String, u64)> {
    let panic = panics(3).await.unwrap_err();
    let timeout = hangs(0).await.unwrap_err();
    with_fallback(2).await?;
    Ok((
        format!("{panic}"),
        format!("{:?} {}", timeout.kind(), timeout.component().unwrap()),
        with_fallback(2).await?,
    ))
}

#[tokio::test]
async fn rule_14_boundaries() {
    let runtime = Runtime::in_memory();
    let run = runtime.start(&boundaries, 0).await.unwrap();
    let (panic, timeout, answer) = run.output().await.unwrap();
    assert!(panic.starts_with("component `boundaries/panics`: panicked: index out of bounds"), "{panic}");
    assert_eq!(timeout, "Timeout boundaries/hangs");
    assert_eq!(answer, 200);
    let events = run.events().collect().await.unwrap();
    let fallback = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::Ended {
                outcome: gensx::event::Outcome::Output { origin: gensx::event::Origin::Fallback, .. }
            }
        )
    };
    assert!(has(&events, fallback), "the stream says that the fallback answered");
    let ran = crate::support::take_ran(run.id());
    assert_eq!(ran, ["with_fallback", "with_fallback"], "a fallback's answer is never cached");
}

fn panicking(_: &gensx::Error) -> bool {
    panic!("a predicate that panics")
}

#[component(retry(max_attempts = 2, initial = "1ms", when = panicking))]
async fn badly_judged(_: u64) -> gensx::Result<u64> {
    Err("no".into())
}

fn answering(_: gensx::Error, _: u64) -> u64 {
    panic!("an answer that panics")
}

#[component(fallback = answering)]
async fn badly_answered(_: u64) -> gensx::Result<u64> {
    Err("no".into())
}

#[component]
async fn fine(n: u64) -> gensx::Result<u64> {
    Ok(n)
}

/// What a parent hears of children whose predicates and fallbacks panic.
#[component]
async fn hears_panics(_: u64) -> gensx::Result<Vec<String>> {
    let errors = [
        badly_judged(0).await.unwrap_err(),
        badly_answered(0).await.unwrap_err(),
        fine(0).ensure(|_| panic!("a predicate of the call")).await.unwrap_err(),
    ];
    Ok(errors.iter().map(|error| format!("{:?} {error}", error.kind())).collect())
}

#[tokio::test]
async fn a_panic_of_a_childs_predicate_or_fallback_is_the_childs_failure() {
    let run = Runtime::in_memory().start(&hears_panics, 0).await.unwrap();
    let (heard, outside) = (run.output().await.unwrap(), hears_panics(0).await.unwrap());
    let expected = [
        ("badly_judged", "panicked in what judges its errors: a predicate that panics"),
        ("badly_answered", "panicked in `fallback`: an answer that panics"),
        ("fine", "panicked in `ensure`: a predicate of the call"),
    ];
    for (n, (name, text)) in expected.into_iter().enumerate() {
        assert!(heard[n].contains(&format!("`hears_panics/{name}`: {text}")), "{}", heard[n]);
        assert!(heard[n].starts_with("Panic ") && outside[n].contains(text), "{}", outside[n]);
    }
}

#[tokio::test]
async fn a_panic_outside_a_body_ends_the_run_all_the_same() {
    let run = Runtime::in_memory().start(&badly_judged, 0).await.unwrap();
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Panic);
    assert_eq!(run.status().await.unwrap(), gensx::RunStatus::Failed);
}

#[component(retry(max_attempts = 2, initial = "1ms"))]
async fn adds(_: u64) -> gensx::Result<u64> {
    Ok(cheap(1).await? + cheap(2).await? + cheap(3).await?)
}

#[tokio::test]
async fn a_run_from_the_beginning_diverges_from_nothing() {
    let run = Runtime::in_memory().start(&adds, 0).await.unwrap();
    assert_eq!(run.output().await.unwrap(), 6);
    crate::support::take_ran(run.id());
    let events = run.events().collect().await.unwrap();
    assert!(!has(&events, |kind| matches!(kind, EventKind::Divergence { .. })), "{events:?}");
}
