//! Changes and lines from events, in the JSON that streams hold.

use std::sync::Arc;

use gensx::EventId;
use serde_json::{Value, json};

use super::*;

const CALL: &str = "000102030405060708090a0b0c0d0e0f";

fn event(seq: u64, more: &Value) -> Event {
    let mut fields = json!({"v": 1, "time": 0});
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let payload: Arc<[u8]> = serde_json::to_vec(&fields).unwrap().into();
    Event::decode(EventId::new(1, seq), &payload).unwrap()
}

fn of_call(seq: u64, attempt: u32, more: &Value) -> Event {
    let mut fields = json!({"call": CALL, "attempt": attempt});
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event(seq, &fields)
}

fn started(name: &str, label: Option<&str>) -> Event {
    let mut fields = json!({
        "type": "component.started", "name": name, "parent": CALL, "version": 1, "fingerprint": CALL, "args": {},
    });
    if let Some(label) = label {
        fields["label"] = label.into();
    }
    of_call(1, 1, &fields)
}

fn text(text: &str) -> Event {
    of_call(2, 1, &json!({"type": "text", "name": "draft", "text": text}))
}

fn lines(events: &[Event]) -> Vec<String> {
    let mut track = Track::new(&["research", "write_section"]);
    events.iter().filter_map(|event| line(&track.apply(event)?)).collect()
}

#[test]
fn a_stage_is_told_from_its_beginning_to_its_end() {
    let ended = of_call(
        4,
        1,
        &json!({"type": "component.ended", "status": "succeeded", "output": "x", "output_type": "String"}),
    );
    let events = [started("write_section", Some("Drop")), text("abc"), text("def"), ended];
    assert_eq!(lines(&events), ["section “Drop”: working", "section “Drop”: done, 6 characters"]);
}

#[test]
fn the_text_of_a_failed_attempt_does_not_count() {
    let error = json!({
        "kind": "failed", "message": "failed", "component": "blog/edit", "attempts": 1,
        "causes": ["the answer\nbroke off", "connection reset"],
    });
    let retried = of_call(
        3,
        1,
        &json!({"type": "component.retried", "error": error, "delay_ms": 1500, "due_ms": 1500}),
    );
    let mut track = Track::new(&["write_section"]);
    for event in [started("write_section", Some("Drop")), text("abc")] {
        track.apply(&event);
    }
    let Some(Change::Stage { step, .. }) = track.apply(&retried) else { panic!("no change") };
    assert_eq!(step.to_string(), "attempt 1 failed, again in 1.5 s: the answer broke off");
    let Some(Change::Stage { step, .. }) = track.apply(&text("defg")) else { panic!("no change") };
    assert_eq!(step, Step::Streamed { chars: 4 });
}

#[test]
fn inner_components_are_not_told() {
    assert!(lines(&[started("blog", None), text("abc")]).is_empty());
}

#[test]
fn a_resumed_run_tells_what_was_kept() {
    let ended = of_call(
        2,
        1,
        &json!({"type": "component.ended", "status": "succeeded", "output": null, "output_type": "()"}),
    );
    let claimed = event(3, &json!({"type": "run.claimed", "name": "worker"}));
    let told = lines(&[started("research", None), ended, claimed]);
    assert_eq!(told, ["research: working", "research: done", "resumed: 1 stage is kept"]);
}

#[test]
fn usage_is_summed() {
    let mut track = Track::new(&[]);
    for (input, output) in [(10, 1), (20, 2)] {
        let usage = json!({"input_tokens": input, "output_tokens": output});
        track.apply(&of_call(1, 1, &json!({"type": "usage", "usage": usage})));
    }
    assert_eq!(track.totals(), (Tokens { prompt: 30, completion: 3 }, 2));
}

#[test]
fn the_template_of_the_bars_is_one() {
    assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
}
