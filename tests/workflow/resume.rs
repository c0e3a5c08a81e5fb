//! A workflow that is let go of half-done goes on from its stream, and runs nothing twice.

use gensx::{EventKind, event::Outcome, prelude::*};

use crate::{
    bodies::{apologise, held, held_and_refused, length, line, open, panics, refuse, upper, words},
    support::{crash_and_resume, ended, names, started, started_since},
};

const TAKEN_OVER: u32 = 2;

fn output(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Ended { outcome: Outcome::Output { .. } })
}

fn start_of(wanted: &str) -> impl Fn(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::Started { name, .. } if name == wanted)
}

#[tokio::test]
async fn a_list_goes_on_where_it_was() {
    let workflow = Workflow::new("w", words).for_each(held).concurrency(2).then(line);
    ["list-a", "list-b"].into_iter().for_each(open);
    let text = "list-a list-b list-c list-d list-e".to_owned();
    let rest = || ["list-c", "list-d", "list-e"].into_iter().for_each(open);
    let (done, events) = crash_and_resume(&workflow, text.clone(), (3, output), rest).await;
    assert_eq!(done.unwrap(), text);
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["held", "held", "held", "line"]);
}

#[tokio::test]
async fn identical_items_keep_their_places() {
    let workflow = Workflow::new("w", words)
        .for_each(length)
        .concurrency(2)
        .then(|list: Vec<usize>| held(format!("twins {}", list.len())));
    let rest = || open("twins 3");
    let (done, events) = crash_and_resume(&workflow, "x x x".to_owned(), (1, start_of("held")), rest).await;
    assert_eq!(done.unwrap(), "twins 3");
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["held"]);
}

#[tokio::test]
async fn a_race_has_the_same_winner_and_starts_no_loser() {
    let workflow = Workflow::new("w", upper)
        .race((held, |text: String| apologise(text, "won".to_owned())))
        .then(|text: String| held(format!("after {text}")));
    // Behind the open door the loser would win, had it been started again.
    let rest = || ["RACE", "after sorry about RACE: won"].into_iter().for_each(open);
    let behind = (2, start_of("held"));
    let (done, events) = crash_and_resume(&workflow, "race".to_owned(), behind, rest).await;
    assert_eq!(done.unwrap(), "after sorry about RACE: won");
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["held"]);
    let losers = ended(&events).into_iter().filter(|(_, how)| *how == "cancelled");
    assert_eq!(losers.collect::<Vec<_>>(), [("held".to_owned(), "cancelled")]);
}

#[tokio::test]
async fn a_failover_is_taken_again_without_asking_the_first() {
    let workflow = Workflow::new("w", refuse).or_else(panics).or_else(held);
    let rest = || open("failover");
    let (done, events) =
        crash_and_resume(&workflow, "failover".to_owned(), (1, start_of("held")), rest).await;
    assert_eq!(done.unwrap(), "failover");
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["held"]);
}

#[tokio::test]
async fn a_boundary_answers_the_same_failure() {
    let workflow = Workflow::new("w", refuse)
        .catch(|error, text: String| apologise(text, format!("{error} {:?}", error.code())))
        .then(held);
    let answer = "sorry about boundary: component `w/refuse`: refused boundary Some(\"refused\")";
    let (done, events) =
        crash_and_resume(&workflow, "boundary".to_owned(), (1, start_of("held")), || open(answer)).await;
    assert_eq!(done.unwrap(), answer);
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["held"]);
}

#[tokio::test]
async fn a_join_waits_only_for_what_is_missing() {
    let workflow = Workflow::new("w", upper).join((length, held, upper));
    let rest = || open("JOIN");
    let (done, events) = crash_and_resume(&workflow, "join".to_owned(), (3, output), rest).await;
    assert_eq!(done.unwrap(), (4, "JOIN".to_owned(), "JOIN".to_owned()));
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["held"]);
}

#[tokio::test]
async fn an_open_branch_of_a_join_still_fails_it() {
    let workflow = Workflow::new("w", upper).join((upper, held_and_refused));
    let rest = || open("FAILING");
    let (done, events) = crash_and_resume(&workflow, "failing".to_owned(), (2, output), rest).await;
    assert_eq!(done.unwrap_err().code(), Some("late"));
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["held_and_refused"]);
}

#[tokio::test]
async fn another_version_runs_the_workflow_again_and_not_its_calls() {
    let with = |version| {
        let inner = Workflow::new("inner", words).then(line).version(version);
        Workflow::new("w", upper).then(inner).then(held)
    };
    let store = crate::support::Store::new();
    let first = store.process();
    let run = first.start(&with(1), "version".to_owned()).await.unwrap();
    crate::support::reached(&run, 1, start_of("held")).await;
    first.drain().await;
    open("VERSION");
    let run = store.process().resume(&with(2), run.id()).await.unwrap();
    assert_eq!(run.output().await.unwrap(), "VERSION");
    let events = run.events().collect().await.unwrap();
    assert_eq!(names(&started_since(&events, TAKEN_OVER)), ["inner", "held"]);
    assert_eq!(names(&started(&events)[..4]), ["upper", "inner", "words", "line"]);
}
