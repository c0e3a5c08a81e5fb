//! The server as any client sees it.

use serde_json::json;

use super::*;
use crate::model::llm::{Server, web_client};

async fn post(settings: Settings, path: &str, body: String) -> (u16, String) {
    let address = start(settings).await.unwrap();
    let client = web_client(&Server::BuiltIn(address)).unwrap();
    let request = client.post(format!("http://{address}{path}")).header(STAGE_HEADER, "test").body(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn question(stream: bool) -> String {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Why?"}]}).to_string()
}

#[tokio::test]
async fn an_answer_has_the_form_of_a_chat_completion() {
    let (status, body) = post(Settings::default(), "/v1/chat/completions", question(false)).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["message"]["content"], "The text given says nothing about that.");
    assert_eq!(body["usage"], json!({"prompt_tokens": 1, "completion_tokens": 10, "total_tokens": 11}));
}

#[tokio::test]
async fn a_stream_ends_with_its_mark() {
    let (status, body) = post(Settings::default(), "/v1/chat/completions", question(true)).await;
    assert_eq!(status, 200);
    assert!(body.starts_with("data: {") && body.ends_with("\n\ndata: [DONE]\n\n"), "{body}");
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_openais_form() {
    for (path, body, expected) in [
        ("/v1/chat/completions", "{".to_owned(), 400),
        ("/v1/chat/completions", json!({"model": "m"}).to_string(), 400),
        ("/v1/embeddings", question(false), 404),
        ("/v1/chat/completions", "x".repeat(MAX_REQUEST_BYTES + 1), 413),
    ] {
        let (status, answer) = post(Settings::default(), path, body).await;
        assert_eq!(status, expected, "{path}: {answer}");
        if status != 413 {
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert!(answer["error"]["message"].is_string(), "{answer}");
        }
    }
}

#[tokio::test]
async fn every_request_is_a_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    for _ in 0..2 {
        let settings = Settings { log: Some(log.clone()), ..Settings::default() };
        post(settings, "/v1/chat/completions", question(false)).await;
    }
    let expected =
        json!({"run": "", "stage": "test", "key": "", "stream": false, "status": 200, "fault": null});
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [expected.clone(), expected]);
}
