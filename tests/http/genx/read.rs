//! Messages, as readers get them.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::text;

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The messages of an event stream, each under its own id.
fn events(text: &str) -> Vec<Value> {
    let event = |event: &str| {
        let (id, data) = event.split_once('\n').unwrap();
        let message: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(id.strip_prefix("id: "), message["id"].as_str());
        message
    };
    text.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':')).map(event).collect()
}

pub(super) fn types(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

pub(super) async fn messages(answer: Response) -> Vec<Value> {
    assert_eq!(answer.status(), StatusCode::OK);
    match answer.headers()["content-type"].to_str().unwrap() {
        "application/x-ndjson" => lines(&text(answer).await),
        "text/event-stream" => events(&text(answer).await),
        other => panic!("{other}"),
    }
}

/// What a run gives that packs two pieces.
const PACKED: [&str; 12] = [
    "start",
    "component-start",
    "component-start",
    "object",
    "component-end",
    "component-start",
    "object",
    "component-end",
    "component-end",
    "data",
    "end",
    "output",
];

#[track_caller]
pub(super) fn assert_packed(messages: &[Value]) {
    assert_eq!(types(messages), PACKED);
    let packed = json!(["tea-1", "tea-2"]);
    assert_eq!((&messages[9]["data"], &messages[11]["content"]), (&packed, &packed.to_string().into()));
    let ids: Vec<&str> = messages.iter().map(|message| message["id"].as_str().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert!(messages.iter().all(|message| message["timestamp"].as_str().unwrap().ends_with('Z')));
}

/// An answer in lines, as they come.
pub(super) struct Lines {
    answer: Response,
    rest: String,
    /// The blank lines that came.
    pub(super) blank: usize,
}

impl Lines {
    pub(super) fn new(answer: Response) -> Self {
        assert_eq!(answer.status(), StatusCode::OK);
        Self { answer, rest: String::new(), blank: 0 }
    }

    /// The next message; `None` at the end, or when nothing comes but blank lines.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((line, rest)) = self.rest.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.rest = rest;
                match line.as_str() {
                    "" => self.blank += 1,
                    line => return Some(serde_json::from_str(line).unwrap()),
                }
                if self.blank > 1 {
                    return None;
                }
            }
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(20), self.answer.chunk());
            let chunk = chunk.await.expect("a chunk in time").unwrap()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub(super) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.expect("a message of that kind");
            if message["type"] == kind {
                return message;
            }
        }
    }
}
