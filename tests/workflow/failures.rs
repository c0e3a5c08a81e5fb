//! What each combinator does when a component fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gensx::prelude::*;

use crate::{
    bodies::{apologise, endless, held, length, panics, refuse, upper, words},
    support::{both, ended, names, reached, started},
};

#[tokio::test]
async fn a_failure_skips_the_stages_after_it() {
    let (output, events) = both(&Workflow::new("w", refuse).then(upper), "x".to_owned()).await;
    let error = output.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Failed, Some("refused")));
    assert_eq!(names(&started(&events)), ["refuse"]);
}

#[tokio::test]
async fn the_first_failure_of_a_join_cancels_the_others() {
    let workflow = Workflow::new("w", upper).join((endless, refuse));
    let (output, events) = both(&workflow, "x".to_owned()).await;
    assert_eq!(output.unwrap_err().code(), Some("refused"));
    assert_eq!(ended(&events)[1..], [("refuse".to_owned(), "failed"), ("endless".to_owned(), "cancelled")]);
}

#[tokio::test]
async fn the_first_failure_of_a_list_cancels_what_is_in_work_and_builds_no_more() {
    #[component]
    async fn item(word: String) -> gensx::Result<String> {
        if word == "bad" { Err(refuse(word).await.unwrap_err()) } else { endless(word).await }
    }
    let workflow = Workflow::new("w", words).for_each(item).concurrency(2);
    let (output, events) = both(&workflow, "slow bad never".to_owned()).await;
    assert_eq!(output.unwrap_err().code(), Some("refused"));
    let items = ended(&events).into_iter().filter(|(name, _)| name == "item").map(|(_, how)| how);
    assert_eq!(items.collect::<Vec<_>>(), ["failed", "cancelled"]);
}

#[tokio::test]
async fn a_race_that_all_lose_names_them() {
    let workflow = Workflow::new("w", upper).race((refuse, panics));
    let (output, events) = both(&workflow, "x".to_owned()).await;
    let error = output.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("no component of the race succeeded: `w/refuse`, `w/panics`"), "{text}");
    assert!(text.contains("cannot bear X"), "{text}");
    assert_eq!(ended(&events)[1..], [("refuse".to_owned(), "failed"), ("panics".to_owned(), "failed")]);
}

#[tokio::test]
async fn a_race_of_nobody_is_an_error() {
    let nobody: Vec<Workflow<String, String>> = Vec::new();
    let (output, _) = both(&Workflow::new("w", upper).race(nobody), "x".to_owned()).await;
    assert_eq!(output.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn or_else_gives_the_same_input_to_another_component() {
    let workflow = Workflow::new("w", upper).then(refuse).or_else(panics).or_else(upper);
    let (output, events) = both(&workflow, "x".to_owned()).await;
    assert_eq!(output.unwrap(), "X");
    assert_eq!(names(&started(&events)), ["upper", "refuse", "panics", "upper"]);
    let (output, events) = both(&Workflow::new("w", upper).or_else(refuse), "x".to_owned()).await;
    assert_eq!(output.unwrap(), "X");
    assert_eq!(names(&started(&events)), ["upper"]);
}

#[tokio::test]
async fn or_else_ends_with_the_error_of_the_last() {
    let (output, _) = both(&Workflow::new("w", refuse).or_else(panics), "x".to_owned()).await;
    assert_eq!(output.unwrap_err().source_kind(), ErrorKind::Panic);
}

#[tokio::test]
async fn catch_answers_for_all_stages_before_it() {
    let workflow = Workflow::new("w", upper)
        .then(refuse)
        .map(|text| text + "!")
        .catch(|error, topic: String| apologise(topic, error.code().unwrap_or("?").to_owned()))
        .then(upper);
    let (output, events) = both(&workflow, "x".to_owned()).await;
    assert_eq!(output.unwrap(), "SORRY ABOUT X: REFUSED");
    assert_eq!(names(&started(&events)), ["upper", "refuse", "apologise", "upper"]);
}

#[tokio::test]
async fn catch_may_answer_without_a_call_or_fail_again() {
    let workflow = Workflow::new("w", refuse).catch(|error, topic: String| async move {
        if topic == "worse" { Err(error) } else { Ok(format!("no {topic}")) }
    });
    assert_eq!(both(&workflow, "x".to_owned()).await.0.unwrap(), "no x");
    assert_eq!(both(&workflow, "worse".to_owned()).await.0.unwrap_err().code(), Some("refused"));
}

#[tokio::test]
async fn a_panic_in_a_function_of_the_application_stops_at_the_workflow() {
    let inner = Workflow::new("inner", upper).map(|text: String| -> String { panic!("no {text}") });
    let workflow = Workflow::new("w", upper).then(inner).or_else(upper);
    assert_eq!(both(&workflow, "x".to_owned()).await.0.unwrap(), "X");
}

#[tokio::test]
async fn cancelling_the_run_is_no_error_that_a_boundary_sees() {
    let seen = Arc::new(AtomicU32::new(0));
    let witness = Arc::clone(&seen);
    let workflow =
        Workflow::new("w", endless).or_else(upper).race((endless, endless)).catch(move |_, topic: String| {
            witness.fetch_add(1, Ordering::SeqCst);
            upper(topic)
        });
    let run = Runtime::in_memory().start(&workflow, "x".to_owned()).await.unwrap();
    reached(&run, 1, |kind| matches!(kind, gensx::EventKind::Started { .. })).await;
    run.cancel().await.unwrap();
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(names(&started(&run.events().collect().await.unwrap())), ["endless"]);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn retry_tries_each_call_of_the_stage_again() {
    let tries = Arc::new(AtomicU32::new(0));
    let flaky = {
        let tries = Arc::clone(&tries);
        move |text: String| {
            let tries = Arc::clone(&tries);
            length(text).ensure(move |_| tries.fetch_add(1, Ordering::SeqCst) % 3 == 2)
        }
    };
    let policy = RetryPolicy::new(3).initial(Duration::from_millis(1));
    let workflow = Workflow::new("w", words).for_each(flaky).concurrency(1).retry(policy);
    let (output, _) = both(&workflow, "a bc".to_owned()).await;
    assert_eq!(output.unwrap(), [1, 2]);
    assert_eq!(tries.load(Ordering::SeqCst), 12);
}

#[tokio::test]
async fn a_nested_workflow_is_retried_as_a_whole() {
    let tries = Arc::new(AtomicU32::new(0));
    let inner = {
        let tries = Arc::clone(&tries);
        Workflow::new("inner", upper).then(move |text: String| {
            let tries = Arc::clone(&tries);
            length(text).ensure(move |_| tries.fetch_add(1, Ordering::SeqCst) % 2 == 1)
        })
    };
    #[component(retry(max_attempts = 1))]
    async fn start(text: String) -> gensx::Result<String> {
        Ok(text)
    }
    let policy = RetryPolicy::new(2).initial(Duration::from_millis(1));
    let workflow = Workflow::new("w", start).then(inner).retry(policy);
    let run = Runtime::in_memory().start(&workflow, "x".to_owned()).await.unwrap();
    // A child that used up its attempts reaches its parent as permanent: retries do not multiply.
    assert_eq!(run.output().await.unwrap_err().kind(), ErrorKind::Failed);
    assert_eq!(tries.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn timeout_bounds_each_attempt_of_the_stage() {
    let workflow = Workflow::new("w", upper).then(endless).timeout(Duration::from_millis(5)).or_else(upper);
    assert_eq!(both(&workflow, "x".to_owned()).await.0.unwrap(), "X");
    let workflow = Workflow::new("w", upper).join((upper, held)).timeout(Duration::from_millis(5));
    let (output, _) = both(&workflow, "nobody opens this".to_owned()).await;
    assert_eq!(output.unwrap_err().source_kind(), ErrorKind::Timeout);
}

/// The kind of the component's own failure, below what its workflow adds.
trait SourceKind {
    fn source_kind(&self) -> ErrorKind;
}

impl SourceKind for Error {
    fn source_kind(&self) -> ErrorKind {
        std::error::Error::source(self)
            .and_then(|below| below.downcast_ref::<Error>())
            .map_or(self.kind(), Error::kind)
    }
}
