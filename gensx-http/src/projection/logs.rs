//! Logs of runs for tests: random ones that hold everything a run may say, in an order in which it may say it.

use gensx_core::{Event, EventId};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

/// What happens in a made-up run, to the call with a number.
#[derive(Clone, Debug)]
enum Step {
    Start { name: u8 },
    Text { call: usize, channel: u8, text: String },
    Label { call: usize },
    Object { call: usize, value: u8 },
    Progress { call: usize },
    Usage { call: usize },
    Log { call: usize },
    Retry { call: usize },
    End { call: usize, how: u8 },
    Ask { call: usize },
    Answer { call: usize },
    Claim,
    Strange,
}

fn step() -> impl Strategy<Value = Step> {
    let call = 0..8_usize;
    prop_oneof![
        4 => (0..4_u8).prop_map(|name| Step::Start { name }),
        6 => (call.clone(), 0..2_u8, "[a-z\u{e9}\u{2713}\u{1f600}\\\\\"\n]{0,6}")
            .prop_map(|(call, channel, text)| Step::Text { call, channel, text }),
        1 => call.clone().prop_map(|call| Step::Label { call }),
        2 => (call.clone(), any::<u8>()).prop_map(|(call, value)| Step::Object { call, value }),
        1 => call.clone().prop_map(|call| Step::Progress { call }),
        1 => call.clone().prop_map(|call| Step::Usage { call }),
        1 => call.clone().prop_map(|call| Step::Log { call }),
        1 => call.clone().prop_map(|call| Step::Retry { call }),
        3 => (call.clone(), 0..3_u8).prop_map(|(call, how)| Step::End { call, how }),
        1 => call.clone().prop_map(|call| Step::Ask { call }),
        1 => call.prop_map(|call| Step::Answer { call }),
        1 => Just(Step::Claim),
        1 => Just(Step::Strange),
    ]
}

/// Logs of runs that have ended, or not.
pub(crate) fn logs() -> impl Strategy<Value = Vec<Event>> {
    (vec(step(), 0..40), 0..4_u8).prop_map(|(steps, end)| Log::default().of(&steps, end))
}

#[derive(Default)]
struct Log {
    events: Vec<Event>,
    epoch: u32,
    calls: Vec<Call>,
    objects: [bool; 8],
}

#[derive(Default)]
struct Call {
    attempt: u32,
    over: bool,
    asks: Option<String>,
}

impl Log {
    fn of(mut self, steps: &[Step], end: u8) -> Vec<Event> {
        self.epoch = 1;
        self.add(
            json!({ "type": "run.started", "name": "made-up", "input": { "n": 1 }, "origin": "made-up-1",
            "plan": { "name": "made-up", "stages": [{ "name": "step", "kind": "component" }] } }),
        );
        for step in steps {
            self.step(step);
        }
        let output = json!({ "said": "\u{2713}" });
        match end {
            0 => self.add(json!({ "type": "run.ended", "status": "succeeded", "output": output })),
            1 => self.add(json!({ "type": "run.ended", "status": "failed", "error": error() })),
            2 => self.add(json!({ "type": "run.ended", "status": "cancelled" })),
            _ => {}
        }
        self.events
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Start { name } => {
                let (number, parent) = (self.calls.len(), self.calls.iter().rposition(|call| !call.over));
                self.calls.push(Call { attempt: 1, ..Call::default() });
                let parent = parent.map_or_else(|| format!("{:032x}", 0xffff), id);
                self.say(
                    number,
                    json!({ "type": "component.started", "name": format!("part{name}"), "parent": parent,
                    "fingerprint": format!("{number:032x}"), "input": { "a": number } }),
                );
            }
            Step::Claim => {
                self.epoch += 1;
                self.add(json!({ "type": "run.claimed", "name": "another" }));
            }
            Step::Strange => self.add(json!({ "type": "of.a.newer.version", "more": [1] })),
            Step::Text { call, channel, text } => {
                let channel = ["draft", "aside"][usize::from(*channel)];
                self.of_open(*call, json!({ "type": "text", "name": channel, "text": text }));
            }
            Step::Label { call } => {
                self.of_open(*call, json!({ "type": "event", "label": "source", "data": { "n": call } }));
            }
            Step::Object { call, value } => {
                let first =
                    self.open(*call).is_some_and(|at| !std::mem::replace(&mut self.objects[at % 8], true));
                let patch = if first {
                    json!([{ "op": "replace", "path": "", "value": { "n": value } }])
                } else {
                    json!([{ "op": "replace", "path": "/n", "value": value }])
                };
                let name = format!("object{}", self.open(*call).unwrap_or_default() % 8);
                self.of_open(*call, json!({ "type": "object", "name": name, "data": patch }));
            }
            Step::Progress { call } => {
                self.of_open(*call, json!({ "type": "progress", "done": 1, "total": 2 }));
            }
            Step::Usage { call } => self.of_open(
                *call,
                json!({ "type": "usage", "usage": { "model": "m", "input_tokens": 3, "output_tokens": 4 } }),
            ),
            Step::Log { call } => {
                self.of_open(*call, json!({ "type": "log", "text": "so\nso", "level": "warn" }));
            }
            Step::Retry { call } => {
                let Some(at) = self.open(*call) else { return };
                // The event is the first of the attempt that follows.
                self.calls[at].attempt += 1;
                self.say(
                    at,
                    json!({ "type": "component.retried", "error": error(), "delay_ms": 5, "due_ms": 9 }),
                );
            }
            Step::End { call, how } => {
                let how = match how {
                    0 => {
                        json!({ "type": "component.ended", "status": "succeeded", "output": "x", "output_type": "str" })
                    }
                    1 => json!({ "type": "component.ended", "status": "failed", "error": error() }),
                    _ => json!({ "type": "component.ended", "status": "cancelled" }),
                };
                self.of_open(*call, how);
                if let Some(at) = self.open(*call) {
                    self.calls[at].over = true;
                }
            }
            Step::Ask { call } => {
                let Some(at) = self.open(*call) else { return };
                let asks = format!("{:032x}", 0x1000 + at);
                self.calls[at].asks = Some(asks.clone());
                self.add(json!({ "type": "input.requested", "call": asks, "attempt": 1, "parent": id(at), "name": "approval" }));
            }
            Step::Answer { call } => {
                let Some(asks) = self.open(*call).and_then(|at| self.calls[at].asks.take()) else { return };
                self.add(json!({ "type": "input.received", "call": asks, "attempt": 1, "name": "approval", "data": true, "message": 1 }));
            }
        }
    }

    /// The call that a number stands for, if any is open.
    fn open(&self, number: usize) -> Option<usize> {
        let open: Vec<usize> = (0..self.calls.len()).filter(|at| !self.calls[*at].over).collect();
        (!open.is_empty()).then(|| open[number % open.len()])
    }

    fn of_open(&mut self, number: usize, event: Value) {
        if let Some(at) = self.open(number) {
            self.say(at, event);
        }
    }

    fn say(&mut self, at: usize, mut event: Value) {
        event["call"] = id(at).into();
        event["attempt"] = self.calls[at].attempt.into();
        self.add(event);
    }

    fn add(&mut self, mut event: Value) {
        let seq = self.events.len() as u64 + 1;
        event["v"] = 1.into();
        event["time"] = (1_790_000_000_000 + seq).into();
        let payload = event.to_string().into_bytes().into();
        self.events.push(Event::decode(EventId::new(self.epoch, seq), &payload).expect("an event"));
    }
}

fn id(at: usize) -> String {
    format!("{:032x}", at + 1)
}

fn error() -> Value {
    json!({ "kind": "failed", "message": "failed", "attempts": 1, "causes": ["the model does not answer"] })
}

proptest! {
    #[test]
    fn logs_are_logs(log in logs()) {
        prop_assert!(log[..log.len() - 1].iter().all(|event| !event.is_last()));
        prop_assert!(log.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].id.seq + 1 == pair[1].id.seq));
    }
}
