//! `curl -N`, by somebody who starts it again where it was cut.

use std::process::Stdio;

use serde_json::Value;
use tokio::{process::Command, task::JoinSet};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Events,
    Lines,
}

/// What each session got.
pub(crate) async fn read(urls: Vec<String>, format: Format) -> Vec<Vec<Value>> {
    let mut sessions = JoinSet::new();
    for (at, url) in urls.into_iter().enumerate() {
        sessions.spawn(async move { (at, session(&url, format).await) });
    }
    let mut got = sessions.join_all().await;
    got.sort_by_key(|(at, _)| *at);
    got.into_iter().map(|(_, events)| events).collect()
}

async fn session(url: &str, format: Format) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    while events.last().is_none_or(|last| last["type"] != "run.ended") {
        let accept = match format {
            Format::Events => "accept: text/event-stream",
            Format::Lines => "accept: application/x-ndjson",
        };
        let mut curl = Command::new("curl");
        curl.args(["--no-buffer", "--silent", "--fail", "--header", accept, url]);
        if let Some(id) = events.last().and_then(|last| last["id"].as_str()) {
            curl.args(["--header", &format!("last-event-id: {id}")]);
        }
        let curl = curl.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = curl.expect("curl, to read: install curl");
        assert_ne!(output.status.code(), Some(22), "an error: {}", String::from_utf8_lossy(&output.stdout));
        match format {
            Format::Events => events.extend(of_events(&output.stdout)),
            Format::Lines => events.extend(of_lines(&output.stdout)),
        }
    }
    events
}

/// The bytes up to the last one of these, which is where something is complete.
fn complete<'a>(bytes: &'a [u8], end: &[u8]) -> &'a [u8] {
    let last = bytes.windows(end.len()).rposition(|window| window == end);
    &bytes[..last.map_or(0, |at| at + end.len())]
}

fn of_events(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(complete(bytes, b"\n\n")).expect("UTF-8");
    let data = text.split("\n\n").filter_map(|event| event.strip_prefix("event: data\ndata:"));
    let arrays = data.map(|data| data.lines().next().unwrap_or_default());
    arrays.flat_map(|array| serde_json::from_str::<Vec<Value>>(array).expect("an array")).collect()
}

fn of_lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(complete(bytes, b"\n")).expect("UTF-8");
    let lines = text.split('\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
