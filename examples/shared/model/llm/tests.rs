//! The client against the built-in server, over real HTTP.

use gensx::Fate;

use super::*;
use crate::model::built_in::{self, Settings, faults};
use crate::model::prompt::{Block, Task};

const SENTENCE: &str = "A task is cancelled when its handle is dropped by the caller.";

fn prompt(task: Task, topic: &str) -> Prompt {
    let block = Block { source: "a 1.0.0, README.md".into(), heading: "Drop".into(), text: SENTENCE.into() };
    Prompt { task, topic: topic.into(), title: "Title".into(), blocks: vec![block] }
}

fn caller() -> Caller {
    Caller { run: "r1".into(), stage: "section: “Drop”".into(), key: "k1".into() }
}

async fn client(flaky_seed: Option<u64>) -> Llm {
    let address = built_in::start(Settings { flaky_seed, ..Settings::default() }).await.unwrap();
    Llm::new(&Server::BuiltIn(address)).unwrap()
}

#[tokio::test]
async fn a_plain_answer_comes_with_its_usage() {
    let llm = client(None).await;
    let answer: Answer<serde_json::Value> =
        llm.ask(&caller(), &prompt(Task::Research, "tasks")).await.unwrap();
    assert_eq!(answer.value["findings"][0]["note"], SENTENCE);
    assert!(answer.tokens.prompt > 0 && answer.tokens.completion > 0, "{:?}", answer.tokens);
}

#[tokio::test]
async fn a_streamed_answer_is_its_pieces_and_comes_with_its_usage() {
    let llm = client(None).await;
    let mut pieces = Vec::new();
    let answer = llm
        .stream(&caller(), &prompt(Task::Section, "tasks"), |piece| pieces.push(piece.to_owned()))
        .await
        .unwrap();
    assert!(pieces.len() > 2, "{pieces:?}");
    assert_eq!(pieces.concat(), answer.value);
    assert!(answer.value.contains(SENTENCE), "{}", answer.value);
    assert!(answer.tokens.prompt > 0 && answer.tokens.completion > 0, "{:?}", answer.tokens);
}

#[tokio::test]
async fn a_shape_that_was_not_asked_for_is_asked_again() {
    let llm = client(None).await;
    let error = llm.ask::<Vec<u8>>(&caller(), &prompt(Task::Research, "tasks")).await.unwrap_err();
    assert!(matches!(error, LlmError::WrongShape { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::Retry);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_again() {
    // Bound and dropped: nobody listens on this port now.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let llm = Llm::new(&Server::BuiltIn(address)).unwrap();
    let error = llm.ask::<Vec<u8>>(&caller(), &prompt(Task::Research, "tasks")).await.unwrap_err();
    assert!(matches!(error, LlmError::Unreachable { .. }), "{error:?}");
    let error = llm.stream(&caller(), &prompt(Task::Section, "tasks"), |_| {}).await.unwrap_err();
    assert!(matches!(error, LlmError::Unreachable { .. }), "{error:?}");
}

/// Asks until it works, and tells how each failure was taken.
async fn failures(llm: &Llm, prompt: &Prompt) -> Vec<LlmError> {
    let mut errors = Vec::new();
    loop {
        let failed = match prompt.task {
            Task::Research => llm.ask::<serde_json::Value>(&caller(), prompt).await.err(),
            _ => llm.stream(&caller(), prompt, |_| {}).await.err(),
        };
        match failed {
            Some(error) => errors.push(error),
            None => return errors,
        }
        assert!(errors.len() <= faults::MAX_FAULTS_IN_A_ROW as usize, "{errors:?}");
    }
}

async fn every_fault_is_told_apart(task: Task) {
    let llm = client(Some(1)).await;
    let prompts: Vec<Prompt> = (0..40).map(|n| prompt(task, &format!("tasks {n}"))).collect();
    let failures = futures_util::future::join_all(prompts.iter().map(|prompt| failures(&llm, prompt))).await;
    let mut kinds = std::collections::BTreeSet::new();
    for error in failures.into_iter().flatten() {
        assert_ne!(error.fate(), Fate::Permanent, "{error:?}");
        kinds.insert(match error {
            LlmError::Throttled { retry_after: Some(_) } => "throttled",
            LlmError::Failed { status: 500, .. } => "failed",
            LlmError::Cut { .. } => "cut",
            LlmError::Garbled { .. } => "garbled",
            other => panic!("not one of the server's faults: {other:?}"),
        });
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["cut", "failed", "garbled", "throttled"]);
}

#[tokio::test]
async fn every_fault_of_a_plain_answer_is_told_apart_and_survived() {
    every_fault_is_told_apart(Task::Research).await;
}

#[tokio::test]
async fn every_fault_of_a_streamed_answer_is_told_apart_and_survived() {
    every_fault_is_told_apart(Task::Section).await;
}
