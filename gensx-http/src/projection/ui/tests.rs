use std::collections::{BTreeMap, BTreeSet};

use gensx_core::{Event, EventId, EventKind, RunId, RunStatus};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Ui;
use crate::projection::{Frame, Projector, logs::logs};

/// What each type may have: `ai` 5, 6 and 7 take no other types, and some of their versions no other keys.
const KEYS: &[(&str, &[&str])] = &[
    ("start", &["messageId"]),
    ("text-start", &["id", "providerMetadata"]),
    ("text-delta", &["id", "delta"]),
    ("text-end", &["id", "providerMetadata"]),
    ("reasoning-start", &["id", "providerMetadata"]),
    ("reasoning-delta", &["id", "delta"]),
    ("reasoning-end", &["id", "providerMetadata"]),
    ("error", &["errorText"]),
    ("abort", &[]),
    ("finish", &[]),
];
const DATA_KEYS: &[&str] = &["id", "data"];

fn frames(log: &[Event]) -> Vec<Frame> {
    let run: RunId = "made-up-1".parse().unwrap();
    let mut projector = Projector::new(Ui::new(&run));
    log.iter().flat_map(|event| projector.push(event).collect::<Vec<_>>()).collect()
}

fn parts(log: &[Event]) -> Vec<Value> {
    frames(log).iter().map(|frame| serde_json::from_str(&frame.json).unwrap()).collect()
}

/// Logs in which every other aside is a model's reasoning.
fn logs_that_reason() -> impl Strategy<Value = Vec<Event>> {
    (logs(), any::<bool>()).prop_map(|(mut log, reasons)| {
        for event in &mut log {
            match &mut event.kind {
                EventKind::Text { channel, .. } if reasons && channel == "aside" => {
                    "reasoning".clone_into(channel);
                }
                _ => {}
            }
        }
        log
    })
}

fn allowed(kind: &str) -> Option<&'static [&'static str]> {
    if kind.strip_prefix("data-").is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    }) {
        return Some(DATA_KEYS);
    }
    KEYS.iter().find(|(known, _)| *known == kind).map(|(_, keys)| *keys)
}

/// What a message of the AI SDK becomes of parts, as its own reader puts it together: it fails where that does.
#[derive(Default, Debug, PartialEq)]
struct Message {
    id: Option<String>,
    /// Texts, in their order, and what is said of them at last.
    texts: Vec<(String, Value)>,
    data: BTreeMap<(String, String), Value>,
    error: Option<String>,
    finished: bool,
}

fn read(parts: &[Value]) -> Result<Message, String> {
    let (mut message, mut open, mut used) = (Message::default(), BTreeMap::new(), BTreeSet::new());
    for part in parts {
        let text = |key: &str| part[key].as_str().map(str::to_owned).ok_or(format!("{part}: {key}"));
        let kind = text("type")?;
        if message.finished || (message.error.is_some() && kind != "finish") {
            return Err(format!("{part}: after the end"));
        }
        match kind.split_once('-').map_or((kind.as_str(), ""), |(a, b)| (a, b)) {
            ("start", "") => message.id = Some(text("messageId")?),
            _ if message.id.is_none() => return Err(format!("{part}: before the start")),
            ("text" | "reasoning", "start") => {
                if !used.insert(text("id")?) {
                    return Err(format!("{part}: the id was used"));
                }
                open.insert((kind.replace("-start", ""), text("id")?), message.texts.len());
                message.texts.push((String::new(), part["providerMetadata"]["gensx"].clone()));
            }
            (which @ ("text" | "reasoning"), edge) => {
                let key = (which.to_owned(), text("id")?);
                let at = *open.get(&key).ok_or(format!("{part}: it is not open"))?;
                if edge == "delta" {
                    message.texts[at].0.push_str(&text("delta")?);
                } else {
                    open.remove(&key);
                    if !part["providerMetadata"].is_null() {
                        message.texts[at].1 = part["providerMetadata"]["gensx"].clone();
                    }
                }
            }
            ("data", _) => drop(message.data.insert((kind.clone(), text("id")?), part["data"].clone())),
            ("error", "") => message.error = Some(text("errorText")?),
            ("finish", "") => message.finished = true,
            ("abort", "") => {}
            _ => return Err(format!("{part}: unknown")),
        }
    }
    if message.finished && !open.is_empty() {
        return Err(format!("open at the end: {open:?}"));
    }
    Ok(message)
}

proptest! {
    #[test]
    fn every_version_of_the_client_takes_every_part(log in logs_that_reason()) {
        for part in parts(&log) {
            let kind = part["type"].as_str().unwrap();
            let allowed = allowed(kind);
            prop_assert!(allowed.is_some(), "{part}");
            for key in part.as_object().unwrap().keys().filter(|key| *key != "type") {
                prop_assert!(allowed.unwrap().contains(&key.as_str()), "{part}");
            }
        }
        prop_assert!(frames(&log).iter().all(|frame| !frame.json.contains(['\n', '\r'])));
    }

    #[test]
    fn a_reader_can_put_the_message_together(log in logs_that_reason()) {
        let message = read(&parts(&log)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(message.finished, log.last().is_some_and(Event::is_last));
        // No piece of text is lost, or said twice, and what a retry supersedes is marked.
        let mut texts: BTreeMap<(String, String, u32), String> = BTreeMap::new();
        for event in &log {
            if let (EventKind::Text { channel, text }, Some(call)) = (&event.kind, event.call) {
                texts.entry((call.to_string(), channel.clone(), event.attempt)).or_default().push_str(text);
            }
        }
        let mut told: BTreeMap<(String, String, u32), String> = BTreeMap::new();
        for (text, of) in message.texts.iter().filter(|(_, of)| !of["call"].is_null()) {
            let key = |name: &str| of[name].as_str().unwrap().to_owned();
            let key = (key("call"), key("channel"), of["attempt"].as_u64().unwrap() as u32);
            told.entry(key).or_default().push_str(text);
        }
        prop_assert_eq!(&told, &texts);
        let retried: BTreeSet<(String, u32)> = log.iter().filter_map(|event| match event.kind {
            // It is the first event of the attempt that follows.
            EventKind::Retried { .. } => Some((event.call.unwrap().to_string(), event.attempt - 1)),
            _ => None,
        }).collect();
        for (_, of) in message.texts.iter().filter(|(_, of)| !of["call"].is_null()) {
            let of_attempt = (of["call"].as_str().unwrap().to_owned(), of["attempt"].as_u64().unwrap() as u32);
            prop_assert_eq!(of["superseded"] == true, retried.contains(&of_attempt), "{}", of);
        }
    }

    #[test]
    fn whoever_reads_a_part_of_the_log_reads_the_beginning_of_its_parts(log in logs_that_reason(), cut: prop::sample::Index) {
        let (all, some) = (frames(&log), frames(&log[..=cut.index(log.len())]));
        prop_assert_eq!(&all[..some.len()], &some[..]);
        prop_assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn nothing_runs_in_a_message_that_is_finished(log in logs_that_reason()) {
        let message = read(&parts(&log)).map_err(TestCaseError::fail)?;
        for ((kind, _), data) in message.data.iter().filter(|_| message.finished) {
            let open = ["running", "retrying", "waiting"].contains(&data["status"].as_str().unwrap_or_default());
            prop_assert!(!open, "{kind}: {data}");
        }
    }
}

fn event(seq: u64, mut json: Value) -> Event {
    json["v"] = 1.into();
    json["time"] = 1.into();
    Event::decode(EventId::new(1, seq), &json.to_string().into_bytes().into()).unwrap()
}

fn call(at: u64) -> String {
    format!("{at:032x}")
}

fn log(events: impl IntoIterator<Item = Value>) -> Vec<Event> {
    let start = json!({ "type": "run.started", "name": "chat", "input": {}, "origin": "made-up-1" });
    std::iter::once(start).chain(events).zip(1..).map(|(json, seq)| event(seq, json)).collect()
}

fn text(of: u64, channel: &str, text: &str) -> Value {
    json!({ "type": "text", "name": channel, "text": text, "call": call(of), "attempt": 1 })
}

fn ended(status: RunStatus, output: Value) -> Value {
    json!({ "type": "run.ended", "status": status, "output": output })
}

#[test]
fn an_output_is_a_text_only_where_none_was_streamed() {
    let told = parts(&log([ended(RunStatus::Succeeded, json!("hello"))]));
    let kinds: Vec<&str> = told.iter().map(|part| part["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "text-start", "text-delta", "text-end", "finish"]);
    assert_eq!(read(&told).unwrap().texts[0].0, "hello");
    let streamed = parts(&log([text(1, "draft", "hello"), ended(RunStatus::Succeeded, json!("hello"))]));
    let message = read(&streamed).unwrap();
    assert_eq!(message.texts.len(), 1);
    assert_eq!(message.data[&("data-gensx-output".into(), "output".into())], "hello");
    let reasoned = parts(&log([text(1, "reasoning", "hm"), ended(RunStatus::Succeeded, json!("hello"))]));
    assert_eq!(read(&reasoned).unwrap().texts[1].0, "hello");
}

#[test]
fn a_cancelled_run_is_aborted_and_a_failed_one_says_why() {
    let told = parts(&log([text(1, "draft", "x"), ended(RunStatus::Cancelled, Value::Null)]));
    assert_eq!(told[told.len() - 2], json!({ "type": "abort" }));
    assert_eq!(told[told.len() - 1], json!({ "type": "finish" }));
    let failed = json!({ "type": "run.ended", "status": "failed",
        "error": { "kind": "failed", "message": "failed", "attempts": 1, "causes": ["no model"] } });
    let message = read(&parts(&log([text(1, "draft", "x"), failed]))).unwrap();
    assert!(message.error.unwrap().contains("no model") && message.finished);
}

#[test]
fn an_event_never_becomes_more_frames_than_have_numbers() {
    let mut events = Vec::new();
    for at in 1..200 {
        events.push(json!({ "type": "component.started", "name": "part", "call": call(at), "attempt": 1,
            "parent": call(0xffff), "fingerprint": call(at) }));
        events.push(text(at, "draft", "x"));
        events.push(json!({ "type": "input.requested", "name": "ask", "call": call(0x1000 + at), "attempt": 1, "parent": call(at) }));
        events.push(text(1, &format!("channel {at}"), "y"));
    }
    events.push(
        json!({ "type": "component.retried", "call": call(1), "attempt": 1, "delay_ms": 1, "due_ms": 1,
        "error": { "kind": "failed", "message": "failed", "attempts": 1 } }),
    );
    events.push(ended(RunStatus::Cancelled, Value::Null));
    let message = read(&parts(&log(events))).unwrap();
    assert!(message.finished);
    assert_eq!(message.texts.len(), 2 * 199);
}

#[test]
fn labels_and_objects_are_parts_of_their_names() {
    let object = |patch: Value| json!({ "type": "object", "name": "out line", "data": patch, "call": call(1), "attempt": 1 });
    let told = parts(&log([
        object(json!([{ "op": "replace", "path": "", "value": { "a": 1 } }])),
        object(json!([{ "op": "add", "path": "/b", "value": [2] }])),
        object(json!([{ "op": "remove", "path": "/none" }])),
        json!({ "type": "event", "label": "source", "data": { "url": "u" }, "call": call(1), "attempt": 1 }),
        json!({ "type": "event", "label": "source", "data": { "url": "v" }, "call": call(1), "attempt": 1 }),
        json!({ "type": "usage", "usage": { "model": "m", "input_tokens": 3, "output_tokens": 4 }, "call": call(1), "attempt": 1 }),
        json!({ "type": "usage", "usage": { "model": "n", "input_tokens": 1 }, "call": call(1), "attempt": 1 }),
    ]));
    let data = read(&told).unwrap().data;
    assert_eq!(data[&("data-out-line".into(), "out line".into())], json!({ "a": 1, "b": [2] }));
    assert_eq!(data.keys().filter(|(kind, _)| kind == "data-source").count(), 2);
    let used = &data[&("data-gensx-usage".into(), "usage".into())];
    assert_eq!(used, &json!({ "inputTokens": 4, "outputTokens": 4 }));
}
