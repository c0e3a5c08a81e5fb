//! The stored form: it comes back to the letter, and damaged or newer bytes are answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::{
    Error, ErrorKind, ResultExt as _, RunId,
    error::ErrorRecord,
    identity::{CallId, Fingerprint},
};

/// Makes the list of all kinds and the function from a kind to its name, so that the compiler finds a kind left out.
macro_rules! kinds {
    ($($kind:ident => $name:literal),* $(,)?) => {
        const KINDS: &[&str] = &[$($name),*];

        fn name_of(kind: &EventKind) -> &str {
            match kind {
                $(EventKind::$kind { .. } => $name,)*
                EventKind::Unknown { kind } => kind,
            }
        }
    };
}

kinds! {
    RunStarted => "run.started",
    RunClaimed => "run.claimed",
    Started => "component.started",
    Retried => "component.retried",
    Ended => "component.ended",
    Text => "text",
    Labelled => "event",
    Object => "object",
    Progress => "progress",
    Usage => "usage",
    InputRequested => "input.requested",
    InputReceived => "input.received",
    InputRejected => "input.rejected",
    TimerSet => "timer.set",
    TimerFired => "timer.fired",
    Log => "log",
    Divergence => "divergence",
    RunEnded => "run.ended",
}

const PAGE: &str = include_str!("../../../docs/events.md");

/// The JSON examples of the documentation's page, one to a block.
fn page_examples() -> Vec<&'static str> {
    PAGE.split("```json\n").skip(1).map(|block| block.split("\n```").next().unwrap_or_default()).collect()
}

/// An example's id, and the bytes that a sink stores of it.
fn stored(example: &str) -> (EventId, Payload) {
    let rest = example.strip_prefix("{\"id\":\"").unwrap();
    let (id, rest) = rest.split_once("\",").unwrap();
    (id.parse().unwrap(), format!("{{{rest}").into_bytes().into())
}

fn decode(bytes: &[u8]) -> crate::Result<Event> {
    Event::decode(EventId::new(1, 1), &bytes.into())
}

/// The event as it was before it was stored: its encoding is made from its parts.
fn made_anew(mut event: Event) -> Event {
    event.stored = None;
    event
}

fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn call(n: u8) -> CallId {
    CallId([n; 16])
}

fn failure() -> ErrorBody {
    let cause = std::io::Error::other("no \"answer\"\n\u{1f600}");
    let error = Err::<(), _>(cause).retry_after(Duration::from_secs(2)).code("offline").unwrap_err();
    let error = error.in_component(&Arc::from("blog/research"), 3);
    ErrorBody(ErrorRecord::of(&error, Some(json("{\"status\":503}")), str::to_owned))
}

/// Kinds with their optional parts, filled and left out.
fn kinds() -> Vec<EventKind> {
    let text = "quotes \" and \\, a line\nand \u{1f600}, \u{0}".to_owned();
    let run: RunId = "run-1".parse().unwrap();
    let print = Fingerprint([7; 16]);
    let output = |json, origin| Outcome::Output { json, type_name: "alloc::string::String".into(), origin };
    vec![
        EventKind::RunStarted {
            workflow: text.clone(),
            version: 3,
            input: Some(json("null")),
            plan: Some(json("[]")),
            origin: run.clone(),
            retry_of: Some(run.clone()),
            carries: 2,
            keep_ms: Some(86_400_000),
            queued: Some(QueuedAs {
                priority: -3,
                due_ms: Some(7),
                limits: vec![
                    QueuedLimit { name: "onboarding".into(), key: text.clone(), max: 3 },
                    QueuedLimit { name: "all".into(), key: String::new(), max: 1 },
                ],
                start: Some(text.clone()),
            }),
        },
        EventKind::RunStarted {
            workflow: "w".into(),
            version: 0,
            input: None,
            plan: None,
            origin: run,
            retry_of: None,
            carries: 0,
            keep_ms: None,
            queued: Some(QueuedAs::default()),
        },
        EventKind::RunClaimed { owner: text.clone(), deployment: None, moved_from: None },
        EventKind::RunClaimed {
            owner: "w".into(),
            deployment: Some(text.clone()),
            moved_from: Some(text.clone()),
        },
        EventKind::Started {
            name: "research".into(),
            parent: Some(call(1)),
            version: 2,
            fingerprint: print,
            key: Some(text.clone()),
            args: [("a".to_owned(), print), (text.clone(), Fingerprint([0; 16]))].into(),
            inputs: Some(json("{\"a\": 1.50, \"b\" : [1e400, 18446744073709551616]}")),
            label: Some(text.clone()),
            resumed: true,
        },
        EventKind::Started {
            name: "research".into(),
            parent: None,
            version: 0,
            fingerprint: print,
            key: None,
            args: [].into(),
            inputs: None,
            label: None,
            resumed: false,
        },
        EventKind::Retried { error: failure(), delay_ms: 0, due_ms: u64::MAX },
        EventKind::Ended { outcome: output(json("null"), Origin::Executed) },
        EventKind::Ended { outcome: output(json("\"x\""), Origin::Cached) },
        EventKind::Ended { outcome: output(json("1.0"), Origin::Fallback) },
        EventKind::Ended { outcome: output(json("{}"), Origin::Carried) },
        EventKind::Ended { outcome: Outcome::Failed(failure()) },
        EventKind::Ended { outcome: Outcome::Cancelled },
        EventKind::Text { channel: "draft".into(), text: text.clone() },
        EventKind::Labelled { label: text.clone(), data: json("null") },
        EventKind::Object { name: text.clone(), patch: json("[{\"op\":\"add\",\"path\":\"\",\"value\":1}]") },
        EventKind::Progress { done: 0, total: None },
        EventKind::Progress { done: 3, total: Some(u64::MAX) },
        EventKind::Usage(Usage { model: text.clone(), input_tokens: 1, output_tokens: 2 }),
        EventKind::Usage(Usage::default()),
        EventKind::InputRequested { name: "approve".into(), parent: call(1), due_ms: Some(7) },
        EventKind::InputRequested { name: "approve".into(), parent: call(1), due_ms: None },
        EventKind::InputReceived { name: "approve".into(), message: 1, data: json("false") },
        EventKind::InputRejected { name: "approve".into(), message: 2, reason: text.clone() },
        EventKind::TimerSet { parent: call(1), duration_ms: 5, due_ms: 6 },
        EventKind::TimerFired,
        EventKind::Log { level: LogLevel::Warn, message: text },
        EventKind::Divergence { name: "research".into(), sibling: call(3), changed: vec!["topic".into()] },
        EventKind::Divergence { name: "research".into(), sibling: call(3), changed: vec![] },
        EventKind::RunEnded { status: RunStatus::Succeeded, output: Some(json("null")), error: None },
        EventKind::RunEnded { status: RunStatus::Failed, output: None, error: Some(failure()) },
        EventKind::RunEnded { status: RunStatus::Cancelled, output: None, error: None },
    ]
}

fn encodings() -> Vec<Payload> {
    let event = |kind| Event::new(1_790_000_000_000, Some(call(2)), 1, kind).encode();
    kinds().into_iter().map(event).collect()
}

#[test]
fn every_kind_comes_back_to_the_letter() {
    let names: BTreeSet<_> = kinds().iter().map(|kind| name_of(kind).to_owned()).collect();
    assert_eq!(names, KINDS.iter().map(|name| (*name).to_owned()).collect());
    for (kind, payload) in kinds().iter().zip(encodings()) {
        let event = Event::decode(EventId::new(2, 9), &payload).unwrap();
        assert_eq!((event.id, event.call, event.attempt), (EventId::new(2, 9), Some(call(2)), 1));
        assert_eq!(name_of(&event.kind), name_of(kind));
        assert_eq!(format!("{:?}", event.kind), format!("{kind:?}"));
        let again = made_anew(event).encode();
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&payload));
    }
}

#[test]
fn the_page_shows_every_kind_as_it_is_written() {
    let mut shown = BTreeSet::new();
    for example in page_examples() {
        let (id, payload) = stored(example);
        let event =
            made_anew(Event::decode(id, &payload).unwrap_or_else(|error| panic!("{example}\n{error:#}")));
        shown.insert(name_of(&event.kind).to_owned());
        assert_eq!(event.to_json(), example);
    }
    assert_eq!(shown, KINDS.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn the_page_explains_every_field_that_it_shows() {
    for example in page_examples() {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(example).unwrap();
        for field in fields.keys() {
            assert!(PAGE.contains(&format!("| `{field}` |")), "`{field}` is in no table of the page");
        }
    }
}

#[test]
fn kinds_and_fields_of_a_newer_version_are_passed_on() {
    let newer = [
        r#"{"v":2,"type":"run.forked","time":5,"into":["a","b"]}"#,
        // The new kind uses a known field's name for something else.
        r#"{"v":1,"type":"run.forked","time":5,"message":"text","error":7,"status":"forked"}"#,
        r#"{"v":1,"type":"text","time":5,"name":"draft","text":"x","tone":{"warm":0.50}}"#,
    ];
    for (text, known) in newer.iter().zip([false, false, true]) {
        let event = decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}\n{error:#}"));
        assert_eq!(!matches!(event.kind, EventKind::Unknown { .. }), known, "{text}");
        assert_eq!(event.time_ms, 5);
        assert_eq!(event.encode()[..], *text.as_bytes());
        assert_eq!(event.to_json(), text.replacen('{', "{\"id\":\"00000001-00000000000001\",", 1));
    }
}

#[test]
fn a_known_kind_that_a_newer_version_changed_is_refused_by_its_version() {
    let newer = [
        r#"{"v":2,"type":"log","time":5,"level":"trace","text":"x"}"#,
        r#"{"v":2,"type":"text","time":5,"chunks":["x"]}"#,
    ];
    for text in newer {
        let error = decode(text.as_bytes()).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Replay);
        assert!(error.to_string().contains("schema version 2"), "{error}");
    }
}

#[test]
fn what_is_no_event_is_refused() {
    let refused = [
        "",
        " ",
        "null",
        "7",
        "\"text\"",
        "[]",
        "{}",
        "{",
        "nul",
        "\u{0}",
        // serde reads a struct from an array, too.
        r#"[1,"run.forked",5]"#,
        r#"{"v":1,"type":"text","time":5,"name":"draft"}"#,
        r#"{"v":1,"type":"text","time":-5,"name":"draft","text":"x"}"#,
        r#"{"v":1,"type":"text","time":5,"name":"draft","text":7}"#,
        r#"{"v":1,"type":"text","time":5,"name":"draft","text":"x"} {}"#,
        r#"{"v":1,"type":"timer.fired","time":5}"#,
        r#"{"v":1,"type":"run.ended","time":5}"#,
        r#"{"v":1,"type":"component.ended","time":5,"call":"01010101010101010101010101010101","status":"running"}"#,
        r#"{"v":1,"time":5}"#,
        r#"{"type":"run.forked","time":5}"#,
    ];
    for text in refused {
        let error = decode(text.as_bytes()).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Replay, "{text}");
        assert!(
            error.to_string().contains("00000001-00000000000001"),
            "the message does not name the event: {error}"
        );
    }
}

/// Whatever the bytes are, there is an answer, and an event can be passed on.
fn answered(bytes: &[u8]) -> Result<(), TestCaseError> {
    match decode(bytes) {
        Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Replay),
        Ok(event) => {
            prop_assert_eq!(&event.encode()[..], bytes);
            let shown: Result<BTreeMap<String, Json>, _> = serde_json::from_str(&event.to_json());
            prop_assert!(shown.is_ok(), "{:?} became {}", String::from_utf8_lossy(bytes), event.to_json());
            let again = made_anew(event).encode();
            prop_assert!(decode(&again).is_ok() || again.is_empty());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        answered(&bytes)?;
    }

    #[test]
    fn damaged_events_are_answered(
        which: prop::sample::Index,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 1..4),
        cut: prop::sample::Index,
        is_cut: bool,
    ) {
        let encodings = encodings();
        let mut bytes = which.get(&encodings).to_vec();
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
            prop_assert!(decode(&bytes).is_err(), "a part was taken for the whole");
        } else {
            for (at, bit) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
        }
        answered(&bytes)?;
    }

    #[test]
    fn known_kinds_with_random_fields_are_answered(
        kind in prop::sample::select(KINDS),
        fields in prop::collection::btree_map("[a-z_]{1,8}|name|text|call|parent|status|error|data|output|message|args|usage", any_json(), 0..8),
    ) {
        let mut object = serde_json::json!({"v": 1, "type": kind, "time": 5});
        object.as_object_mut().unwrap().extend(fields);
        answered(object.to_string().as_bytes())?;
    }

    #[test]
    fn streamed_text_comes_back(channel: String, text: String) {
        let event = Event::new(0, None, 0, EventKind::Text { channel: channel.clone(), text: text.clone() });
        match decode(&event.encode()).unwrap().kind {
            EventKind::Text { channel: c, text: t } => prop_assert_eq!((c, t), (channel, text)),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(serde_json::Value::from),
        Just("succeeded".into()),
        Just("01010101010101010101010101010101".into()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn an_error_in_an_event_keeps_what_it_says() {
    let payload = Event::new(
        0,
        None,
        0,
        EventKind::RunEnded { status: RunStatus::Failed, output: None, error: Some(failure()) },
    )
    .encode();
    let EventKind::RunEnded { error: Some(body), .. } = decode(&payload).unwrap().kind else {
        panic!("it was a run's end")
    };
    let error: Error = body.to_error();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(
        (error.code(), error.component(), error.attempts()),
        (Some("offline"), Some("blog/research"), 3)
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
}
