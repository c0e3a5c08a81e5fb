//! What a workflow says of its stages before it runs.

use gensx::{
    Component as _, EventKind, Runtime,
    prelude::*,
    workflow::{Plan, StageKind},
};

use crate::bodies::{apologise, length, line, refuse, upper, words};

fn everything() -> Workflow<String, (usize, String)> {
    #[expect(clippy::ptr_arg, reason = "a predicate gets a reference to the output as it is")]
    fn is_long(text: &String) -> bool {
        text.len() > 3
    }
    Workflow::new("everything", words)
        .named("Cut \"it\" <up> #1")
        .map(|words| words)
        .for_each(upper)
        .then(line)
        .or_else(|words: Vec<String>| line(words))
        .branch(is_long, upper, Workflow::new("inner", upper).then(refuse))
        .race((upper, refuse))
        .named("First")
        .catch(|error, text: String| apologise(text, error.to_string()))
        .join((length, upper))
        .finish()
}

#[test]
fn the_plan_lists_the_stages_with_those_inside_them() {
    let plan = everything().plan();
    let kinds: Vec<_> = plan.stages.iter().map(|stage| (stage.name.as_str(), stage.kind)).collect();
    assert_eq!(kinds, [("catch", StageKind::Catch), ("join", StageKind::Join)]);
    let inside: Vec<_> =
        plan.stages[0].stages.iter().map(|stage| (stage.name.as_str(), stage.kind)).collect();
    let expected = [
        ("words", StageKind::Component),
        ("map", StageKind::Map),
        ("for each", StageKind::ForEach),
        ("or else", StageKind::OrElse),
        ("is_long", StageKind::Branch),
        ("race", StageKind::Race),
    ];
    assert_eq!(inside, expected);
    let words = &plan.stages[0].stages[0];
    assert_eq!(words.path.as_deref(), Some("workflow::bodies::words"));
    assert_eq!(words.label.as_deref(), Some("Cut \"it\" <up> #1"));
    assert_eq!(plan.stages[0].stages[2].stages[0].name, "upper");
    assert_eq!(plan.stages[0].stages[4].stages[1].stages.len(), 2);
}

#[test]
fn the_plan_is_read_back_as_it_was() {
    let plan = everything().plan();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[tokio::test]
async fn the_first_event_of_a_run_carries_the_plan() {
    let workflow = everything();
    let run = Runtime::in_memory().start(&workflow, "a b".to_owned()).await.unwrap();
    let first = run.events().next().await.unwrap().unwrap();
    let EventKind::RunStarted { plan: Some(plan), .. } = first.kind else { panic!("{first:?}") };
    assert_eq!(serde_json::from_str::<Plan>(plan.get()).unwrap(), workflow.plan());
    run.output().await.unwrap();
}

#[tokio::test]
async fn a_run_that_retries_another_carries_the_plan_too() {
    let workflow = Workflow::new("failing", upper).then(refuse);
    let runtime = Runtime::in_memory();
    let run = runtime.start(&workflow, "x".to_owned()).await.unwrap();
    run.output().await.unwrap_err();
    let again = runtime.retry(&workflow, run.id()).await.unwrap();
    let first = again.events().next().await.unwrap().unwrap();
    let EventKind::RunStarted { plan: Some(plan), .. } = first.kind else { panic!("{first:?}") };
    assert_eq!(serde_json::from_str::<Plan>(plan.get()).unwrap(), workflow.plan());
}

#[test]
fn a_nested_workflow_is_a_stage_with_its_stages() {
    let stage = everything().stage();
    assert_eq!((stage.kind, stage.name.as_str()), (StageKind::Workflow, "everything"));
    assert_eq!(stage.stages, everything().plan().stages);
}

#[test]
fn mermaid_draws_every_stage_and_escapes_its_labels() {
    assert_eq!(everything().plan().mermaid(), include_str!("plan.mmd"));
}
