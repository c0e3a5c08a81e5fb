use serde_json::{Value, json};

use crate::{
    api::{Server, embedded, fleet, serve},
    clients::chat,
    cutter::Cutter,
};

const VERSIONS: [&str; 3] = ["ai5", "ai", "ai7"];
/// So often each chat is cut.
const CUTS: usize = 6;
const SEED: u64 = 0x6169;

async fn with_every_version(scenario: &str, server: &Server, check: impl Fn(&Value)) {
    for version in VERSIONS {
        check(&chat(version, scenario, server.port, server).await);
    }
}

fn texts(outcome: &Value, superseded: bool) -> String {
    let parts = outcome["message"]["parts"].as_array().unwrap().iter();
    let of = |part: &Value| part["providerMetadata"]["gensx"]["superseded"] == true;
    parts
        .filter(|part| part["type"] == "text" && of(part) == superseded)
        .map(|part| part["text"].as_str().unwrap())
        .collect()
}

fn data<'a>(outcome: &'a Value, kind: &str) -> Vec<&'a Value> {
    let parts = outcome["message"]["parts"].as_array().unwrap().iter();
    parts.filter(|part| part["type"] == kind).map(|part| &part["data"]).collect()
}

fn said(topic: &str) -> String {
    (0..20).map(|piece| format!("{topic} {piece} ✓\n")).collect()
}

/// That it is all there, and once.
fn expect_answer(outcome: &Value, topic: &str, rest: &str) {
    assert_eq!((&outcome["status"], &outcome["error"]), (&json!("ready"), &Value::Null), "{outcome}");
    assert_eq!(texts(outcome, false), said(topic) + rest);
    assert_eq!(texts(outcome, true), "never to be seen");
    assert_eq!(data(outcome, "data-gensx-retry").len(), 1);
    assert_eq!(data(outcome, "data-outline"), [&json!({ "headings": ["a", "b"] })]);
    assert_eq!(data(outcome, "data-source"), [&json!({ "url": "https://example.org" })]);
    assert_eq!(data(outcome, "data-gensx-progress"), [&json!({ "done": 19, "total": 20 })]);
    let steps = data(outcome, "data-gensx-step");
    let labelled: Vec<_> = steps.iter().filter(|step| step["label"] == "Answer").collect();
    assert_eq!(labelled.len(), 1);
    assert_eq!((&labelled[0]["status"], &labelled[0]["attempt"]), (&json!("succeeded"), &json!(2)));
}

#[tokio::test]
async fn messages_are_answered_one_after_the_other() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        with_every_version("whole", &server, |outcome| expect_answer(outcome, "talk on", "")).await;
    }
}

#[tokio::test]
async fn pages_that_come_in_the_middle_and_afterwards_see_everything_once() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        with_every_version("middle", &server, |outcome| expect_answer(outcome, "ask", "at last")).await;
    }
}

#[tokio::test]
async fn a_run_that_fails_is_an_error_of_the_chat() {
    let server = serve(embedded()).await;
    with_every_version("error", &server, |outcome| {
        assert_eq!(outcome["status"], "error");
        assert!(outcome["error"].as_str().unwrap().contains("it is broken"), "{outcome}");
        assert_eq!(texts(outcome, false), said("fail"));
    })
    .await;
}

#[tokio::test]
async fn only_an_explicit_stop_stops() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        with_every_version("stop", &server, |outcome| {
            assert_eq!((&outcome["status"], &outcome["codes"]), (&json!("ready"), &json!([202, 204, 204])));
            assert_eq!(data(outcome, "data-gensx-input"), [&json!({ "name": "go", "status": "closed" })]);
            assert_eq!(texts(outcome, false), said("ask"));
        })
        .await;
    }
}

#[tokio::test]
async fn a_chat_that_is_cut_comes_to_the_same_message() {
    let server = serve(embedded()).await;
    for (version, seed) in VERSIONS.into_iter().zip(SEED..) {
        let cutter = Cutter::start(server.port, CUTS, 1..3_000, seed).await;
        let outcome = chat(version, "cut", cutter.port, &server).await;
        expect_answer(&outcome, "ask", "at last");
        assert_eq!(cutter.cuts(), CUTS, "it was cut as often as it was to be");
        assert_eq!(outcome["sittings"], CUTS + 1);
    }
}

#[tokio::test]
async fn the_workflow_transport_comes_back_with_the_number_of_parts() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        for version in VERSIONS {
            let cutter = Cutter::start(server.port, CUTS, 1..1_000, SEED).await;
            let outcome = chat(version, "workflow cut", cutter.port, &server).await;
            expect_answer(&outcome, "talk", "");
            assert_eq!(cutter.cuts(), CUTS, "it was cut as often as it was to be");
        }
    }
}

#[tokio::test]
async fn the_workflow_transport_reads_the_last_parts() {
    let server = serve(embedded()).await;
    with_every_version("workflow tail", &server, |outcome| expect_answer(outcome, "talk", "")).await;
}

#[tokio::test]
async fn the_durable_transport_reads_the_parts_as_a_stream() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let outcome = chat("ai", "durable middle", server.port, &server).await;
        expect_answer(&outcome, "ask", "at last");
    }
}

#[tokio::test]
async fn a_chat_over_the_durable_transport_that_is_cut_comes_to_the_same_message() {
    let server = serve(embedded()).await;
    let cutter = Cutter::start(server.port, CUTS, 1..600, SEED).await;
    let outcome = chat("ai", "durable cut", cutter.port, &server).await;
    expect_answer(&outcome, "ask", "at last");
    assert_eq!(cutter.cuts(), CUTS, "it was cut as often as it was to be");
}
