use std::collections::BTreeMap;

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::*;
use crate::projection::{Frame, FrameId, Projector, logs::logs};
use gensx_core::EventId;

const ROOT: &str = "0000000000000000000000000000ffff";
const CALL: &str = "00000000000000000000000000000001";
const OTHER: &str = "00000000000000000000000000000002";

fn run() -> RunId {
    "run-1".parse().unwrap()
}

/// The frames of a log, to a reader that comes when `seen` of its events are there.
fn frames(log: &[Event], answered: &Answered) -> Vec<Frame> {
    let mut projector = Projector::new(GenSx::new(&run(), answered.clone()));
    log.iter().flat_map(|event| projector.push(event).collect::<Vec<_>>()).collect()
}

fn answered(log: &[Event]) -> Answered {
    let mut answered = Answered::default();
    log.iter().for_each(|event| answered.push(event));
    answered
}

fn read(frame: &Frame) -> Value {
    serde_json::from_str(&frame.json).unwrap()
}

/// A log of these events, one after the other.
fn log(events: impl IntoIterator<Item = Value>) -> Vec<Event> {
    let events = events.into_iter().zip(1_u64..).map(|(mut event, seq)| {
        event["v"] = 1.into();
        event["time"] = (1_790_000_000_000 + seq).into();
        if event.get("attempt").is_none() && event.get("call").is_some() {
            event["attempt"] = 1.into();
        }
        Event::decode(EventId::new(1, seq), &event.to_string().into_bytes().into()).unwrap()
    });
    events.collect()
}

fn begin() -> Value {
    json!({ "type": "run.started", "name": "blog", "input": 1, "origin": "run-1" })
}

fn start(call: &str, more: &Value) -> Value {
    let mut event = json!({ "type": "component.started", "call": call, "name": "write", "parent": ROOT,
        "fingerprint": format!("{:032x}", 1) });
    event.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    event
}

fn text(call: &str, text: &str) -> Value {
    json!({ "type": "text", "call": call, "name": "draft", "text": text })
}

/// What a run's events become behind its first, without times.
fn messages(events: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let log = log([begin()].into_iter().chain(events));
    let behind = FrameId { event: EventId::new(1, 1), frame: u8::MAX };
    let frames = frames(&log, &answered(&log)).into_iter().filter(|frame| frame.id > behind);
    let messages = frames.map(|frame| {
        let mut message = read(&frame);
        assert!(message.as_object_mut().unwrap().remove("timestamp").is_some_and(|time| time.is_string()));
        message
    });
    messages.collect()
}

#[test]
fn a_run_begins_with_its_start_and_its_root() {
    let log = log([begin()]);
    let frames: Vec<Value> = frames(&log, &Answered::default()).iter().map(read).collect();
    let time = "2026-09-21T14:13:20.001Z";
    assert_eq!(
        frames,
        [
            json!({ "timestamp": time, "type": "start", "workflowName": "blog", "workflowExecutionId": "run-1" }),
            json!({ "timestamp": time, "type": "component-start", "componentName": "blog", "componentId": "run-1" }),
        ]
    );
}

#[test]
fn a_call_starts_once_however_often_it_is_resumed() {
    let end = json!({ "type": "component.ended", "call": CALL, "status": "failed",
        "error": { "kind": "failed", "message": "failed", "attempts": 1 } });
    let events = [
        start(CALL, &json!({ "label": "Intro" })),
        start(CALL, &json!({ "label": "Intro", "resumed": true })),
        end.clone(),
        end,
        start(CALL, &json!({})),
    ];
    let of =
        |kind: &str| json!({ "type": kind, "componentName": "write", "componentId": CALL, "label": "Intro" });
    let again = json!({ "type": "component-start", "componentName": "write", "componentId": CALL });
    assert_eq!(messages(events), [of("component-start"), of("component-end"), again]);
}

#[test]
fn what_components_say_becomes_events() {
    let events = [
        json!({ "type": "event", "call": CALL, "label": "source", "data": { "url": "x" } }),
        json!({ "type": "progress", "call": CALL, "done": 3, "total": 8 }),
        json!({ "type": "progress", "call": CALL, "done": 3 }),
        json!({ "type": "log", "call": CALL, "text": "so\nso", "level": "warn" }),
        json!({ "type": "usage", "call": CALL, "usage": { "model": "m" } }),
        json!({ "type": "of.a.newer.version" }),
    ];
    assert_eq!(
        messages(events),
        [
            json!({ "type": "event", "label": "source", "data": { "url": "x" } }),
            json!({ "type": "event", "label": "progress", "data": { "done": 3, "total": 8 } }),
            json!({ "type": "event", "label": "progress", "data": { "done": 3 } }),
            json!({ "type": "event", "label": "log", "data": { "level": "warn", "message": "so\nso" } }),
        ]
    );
}

#[test]
fn an_object_is_initial_the_first_time() {
    let patch = |op: Value| json!({ "type": "object", "call": CALL, "name": "outline", "data": [op] });
    let (whole, part) = (
        json!({ "op": "replace", "path": "", "value": { "n": 1 } }),
        json!({ "op": "replace", "path": "/n", "value": 2 }),
    );
    assert_eq!(
        messages([patch(whole.clone()), patch(part.clone())]),
        [
            json!({ "type": "object", "label": "outline", "patches": [whole], "isInitial": true }),
            json!({ "type": "object", "label": "outline", "patches": [part] }),
        ]
    );
}

#[test]
fn text_is_an_object_of_a_text_for_each_call() {
    let retried = json!({ "type": "component.retried", "call": CALL, "delay_ms": 0, "due_ms": 0,
        "error": { "kind": "failed", "message": "failed", "attempts": 1 } });
    let events =
        [text(CALL, "a"), text(CALL, "b"), text(OTHER, "c"), retried.clone(), retried, text(CALL, "d")];
    let said = |op: &str, call: &str, value: &str| {
        json!({ "type": "object", "label": "draft",
        "patches": [{ "op": op, "path": format!("/{call}"), "value": value }] })
    };
    let mut first = said("add", CALL, "a");
    first["isInitial"] = true.into();
    assert_eq!(
        messages(events),
        [
            first,
            said("string-append", CALL, "b"),
            said("add", OTHER, "c"),
            said("replace", CALL, ""),
            said("string-append", CALL, "d"),
        ]
    );
}

#[test]
fn an_object_and_a_channel_of_one_name_are_two() {
    let object = json!({ "type": "object", "call": CALL, "name": "draft", "data": [] });
    let labels =
        |events: [Value; 2]| messages(events).iter().map(|it| it["label"].clone()).collect::<Vec<_>>();
    assert_eq!(labels([text(CALL, "a"), object.clone()]), ["draft", "draft:object"]);
    assert_eq!(labels([object, text(CALL, "a")]), ["draft", "draft:text"]);
}

#[test]
fn a_call_of_very_many_channels_is_emptied_within_the_numbers_of_frames() {
    let of = |channel: usize, text: &str| json!({ "type": "text", "call": CALL, "name": format!("c{channel:03}"), "text": text });
    let texts = (0..300).map(|channel| of(channel, "old"));
    let resumed = [start(CALL, &json!({ "resumed": true })), of(299, "new")];
    let messages = messages([start(CALL, &json!({}))].into_iter().chain(texts).chain(resumed));
    let emptied = messages.iter().filter(|message| message["patches"][0]["op"] == "replace").count();
    assert_eq!(emptied, MAX_EMPTIED_CHANNELS);
    assert_eq!(messages.last().unwrap()["patches"][0]["op"], "add", "the superseded text is replaced");
}

#[test]
fn a_request_for_input_is_an_external_tool() {
    let asks = json!({ "type": "input.requested", "call": CALL, "parent": ROOT, "name": "ask/it?" });
    let answer =
        json!({ "type": "input.received", "call": CALL, "name": "ask/it?", "data": true, "message": 1 });
    let mut said = json!({ "type": "external-tool", "toolName": "ask/it?", "params": {}, "paramsSchema": {},
        "resultSchema": {}, "nodeId": format!("ask%2Fit%3F:{CALL}") });
    assert_eq!(messages([asks.clone()]), [said.clone()]);
    said["fulfilled"] = true.into();
    assert_eq!(messages([asks.clone(), answer]), [said.clone()]);
    let over = json!({ "type": "run.ended", "status": "cancelled" });
    assert_eq!(messages([asks, over])[0], said, "nothing waits for it any more");
}

#[test]
fn a_node_id_comes_back_and_a_plain_name_is_none() {
    let call: CallId = serde_json::from_value(json!(CALL)).unwrap();
    assert_eq!(NodeId::read(&format!("a:b:{CALL}")), Some(NodeId::of("a:b", call)));
    for plain in ["approval", "a:b", "", ":", &format!("a:{}", "G".repeat(32)), &format!("a:{CALL}0")] {
        assert_eq!(NodeId::read(plain), None, "{plain}");
    }
}

#[test]
fn a_run_that_fails_ends_with_one_error() {
    let failed = json!({ "type": "run.ended", "status": "failed",
        "error": { "kind": "failed", "message": "failed", "attempts": 1, "causes": ["no such topic"] } });
    let messages_of = |event| messages([event]);
    let [error] = &messages_of(failed)[..] else { panic!("one message") };
    assert_eq!(
        (&error["type"], &error["executionId"], &error["executionStatus"]),
        (&json!("error"), &json!("run-1"), &json!("failed"))
    );
    assert!(error["error"].as_str().unwrap().contains("no such topic"), "{error}");
    let cancelled = messages_of(json!({ "type": "run.ended", "status": "cancelled" }));
    assert_eq!(
        cancelled,
        [
            json!({ "type": "error", "error": "the run was cancelled", "executionId": "run-1", "executionStatus": "failed" })
        ]
    );
}

/// What React's hook takes for the output: the texts of all `data` messages together, as JSON, or as they are.
fn output_of_the_hook(messages: &[Value]) -> Value {
    let data = messages.iter().filter(|message| message["type"] == "data").map(|message| &message["data"]);
    let joined: String =
        data.map(|data| data.as_str().map_or_else(|| data.to_string(), str::to_owned)).collect();
    match joined.as_str() {
        "" => Value::Null,
        joined => serde_json::from_str(joined).unwrap_or_else(|_| joined.into()),
    }
}

#[test]
fn a_run_that_succeeds_ends_with_its_output_as_every_client_reads_it() {
    let outputs = [
        json!("a text"),
        json!(""),
        json!("7"),
        json!("true"),
        json!(" {\"a\": 1} "),
        json!("\"quoted\""),
        json!("\"half"),
        json!(null),
        json!(7.5),
        json!([1, { "a": "b" }]),
        json!({ "title": "Tides" }),
    ];
    for output in outputs {
        let messages = messages([json!({ "type": "run.ended", "status": "succeeded", "output": output })]);
        let types: Vec<&Value> = messages.iter().map(|message| &message["type"]).collect();
        assert_eq!(types, ["component-end", "data", "end", "output"]);
        assert_eq!(messages[0]["componentId"], "run-1");
        assert_eq!(output_of_the_hook(&messages), output);
        let text = output.as_str().map_or_else(|| output.to_string(), str::to_owned);
        assert_eq!(messages[3]["content"], text);
    }
    let text = messages([json!({ "type": "run.ended", "status": "succeeded", "output": "a text" })]);
    assert_eq!(text[1]["data"], "a text", "without quotation marks, as a transformer of texts expects it");
}

/// Puts objects together as React's `useObject` does, and insists on what that passes over in silence.
#[derive(Default)]
struct Reader(BTreeMap<String, Value>);

impl Reader {
    fn take(&mut self, message: &Value) {
        let label = message["label"].as_str().unwrap();
        if message["isInitial"] == true {
            self.0.insert(label.to_owned(), json!({}));
        }
        let object = self.0.get_mut(label).expect("an object begins with its initial message");
        for op in message["patches"].as_array().unwrap() {
            let (path, value) = (op["path"].as_str().unwrap(), &op["value"]);
            let known = object.pointer(path).is_some();
            match op["op"].as_str().unwrap() {
                "string-append" => {
                    let Some(Value::String(text)) = object.pointer_mut(path) else {
                        panic!("nothing at {path}")
                    };
                    text.push_str(value.as_str().unwrap());
                }
                "replace" if known => *object.pointer_mut(path).unwrap() = value.clone(),
                "add" => object[&path[1..]] = value.clone(),
                op => panic!("{op} at {path}"),
            }
        }
    }
}

/// What a log's text comes to, by what its events mean: by channel and call.
fn texts(log: &[Event]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut texts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for event in log {
        let Some(call) = event.call.map(|call| call.to_string()) else { continue };
        match &event.kind {
            EventKind::Text { channel, text } => {
                texts.entry(channel.clone()).or_default().entry(call).or_default().push_str(text);
            }
            EventKind::Started { .. } | EventKind::Retried { .. } => {
                texts.values_mut().filter_map(|texts| texts.get_mut(&call)).for_each(String::clear);
            }
            _ => {}
        }
    }
    texts
}

proptest! {
    #[test]
    fn readers_who_come_and_go_read_what_one_reads_who_stays(log in logs(), sittings: Vec<(Index, Index)>) {
        let plain = |frame: &Frame| {
            let mut message = read(frame);
            message.as_object_mut().unwrap().remove("fulfilled");
            (frame.id, message)
        };
        let whole: Vec<_> = frames(&log, &Answered::default()).iter().map(plain).collect();
        let (mut got, mut there) = (Vec::<(FrameId, Value)>::new(), 0);
        for (grown, taken) in &sittings {
            there = there.max(grown.index(log.len() + 1));
            let rest = behind(&log[..there], got.last().map(|(id, _)| *id));
            got.extend(rest[..taken.index(rest.len() + 1)].iter().map(plain));
        }
        got.extend(behind(&log, got.last().map(|(id, _)| *id)).iter().map(plain));
        prop_assert_eq!(got, whole);
    }

    #[test]
    fn ids_grow_as_text(log in logs()) {
        let ids: Vec<String> = frames(&log, &answered(&log)).iter().map(|frame| frame.id.to_string()).collect();
        prop_assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    }

    #[test]
    fn readers_put_the_text_together(log in logs()) {
        let mut reader = Reader::default();
        for frame in frames(&log, &answered(&log)) {
            let message = read(&frame);
            if message["type"] == "object" {
                reader.take(&message);
            }
        }
        for (channel, texts) in texts(&log) {
            prop_assert_eq!(&reader.0[&channel], &json!(texts));
        }
    }

    #[test]
    fn messages_are_one_line_each_and_the_end_is_one(log in logs()) {
        let frames = frames(&log, &answered(&log));
        prop_assert!(frames.iter().all(|frame| !frame.json.contains(['\n', '\r'])));
        let types: Vec<String> = frames.iter().map(|it| read(it)["type"].as_str().unwrap().to_owned()).collect();
        let ends = types.iter().filter(|it| ["end", "error"].contains(&it.as_str())).count();
        let ended = log.last().is_some_and(Event::is_last);
        prop_assert_eq!(ends, usize::from(ended));
        if ended {
            prop_assert!(["output", "error"].contains(&types.last().unwrap().as_str()));
        }
    }

    #[test]
    fn every_end_of_a_component_is_that_of_a_start(log in logs()) {
        let mut open = BTreeSet::new();
        for message in frames(&log, &answered(&log)).iter().map(read) {
            let id = message["componentId"].as_str().unwrap_or_default().to_owned();
            match message["type"].as_str() {
                Some("component-start") => prop_assert!(open.insert(id)),
                Some("component-end") => prop_assert!(open.remove(&id)),
                _ => {}
            }
        }
    }
}

/// What a reader is sent who comes back behind a frame, when so much of the log is there.
fn behind(log: &[Event], after: Option<FrameId>) -> Vec<Frame> {
    let frames = frames(log, &answered(log)).into_iter();
    frames.filter(|frame| after.is_none_or(|after| frame.id > after)).collect()
}
