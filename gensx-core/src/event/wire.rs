//! The JSON of events: one flat object. Flat, because serde buffers tagged enums and a resume reads every event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ErrorBody, Event, EventKind, Json, LogLevel, Origin, Outcome, RunStatus, SCHEMA_VERSION, Usage};
use crate::{
    Error, ErrorKind, EventId, Result, RunId,
    identity::{CallId, Fingerprint},
    sink::Payload,
};

/// Every field of every kind. A kind fills its own; the others are left out.
#[derive(Serialize, Deserialize, Default)]
struct Wire<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'a str,
    time: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<CallId>,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<CallId>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    name: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    key: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    args: BTreeMap<String, Fingerprint>,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    label: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    plan: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_of: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<RunStatus>,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    output: Option<&'a RawValue>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    output_type: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_executed")]
    from: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_ms: Option<u64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<LogLevel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sibling: Option<CallId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changed: Vec<String>,
}

/// A string that is borrowed where it has no escapes.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.into())
    }
}

/// A `null` that is there is a value, too: the output of a component that gives `()`.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_executed(origin: &Origin) -> bool {
    *origin == Origin::Executed
}

pub(super) fn encode(event: &Event) -> Payload {
    if let Some(stored) = &event.stored {
        return Payload::clone(stored);
    }
    let mut bytes = Vec::with_capacity(256);
    // Strings, numbers and maps of strings always have a JSON form, and a Vec takes every write.
    if serde_json::to_writer(&mut bytes, &to_wire(event)).is_err() {
        unreachable!("an event of plain values has a JSON form");
    }
    bytes.into()
}

/// What is stored, to the letter, with the id in front: fields of a newer version are passed on.
pub(super) fn to_json(event: &Event) -> String {
    let payload = encode(event);
    let body = String::from_utf8_lossy(&payload);
    format!("{{\"id\":\"{}\",{}", event.id, body.trim_start().strip_prefix('{').unwrap_or("}"))
}

fn to_wire(event: &Event) -> Wire<'_> {
    let base = Wire {
        v: SCHEMA_VERSION,
        time: event.time_ms,
        call: event.call,
        attempt: event.attempt,
        ..Wire::default()
    };
    fill_run(base, &event.kind)
}

fn fill_run<'a>(base: Wire<'a>, kind: &'a EventKind) -> Wire<'a> {
    match kind {
        EventKind::RunStarted { workflow, version, input, plan, origin, retry_of } => Wire {
            kind: "run.started",
            name: Some(workflow.as_str().into()),
            version: *version,
            input: input.as_deref(),
            plan: plan.as_deref(),
            origin: Some(origin.clone()),
            retry_of: retry_of.clone(),
            ..base
        },
        EventKind::RunClaimed { owner } => {
            Wire { kind: "run.claimed", name: Some(owner.as_str().into()), ..base }
        }
        EventKind::RunEnded { status, output, error } => Wire {
            kind: "run.ended",
            status: Some(*status),
            output: output.as_deref(),
            error: error.clone(),
            ..base
        },
        _ => fill_component(base, kind),
    }
}

fn fill_component<'a>(base: Wire<'a>, kind: &'a EventKind) -> Wire<'a> {
    match kind {
        EventKind::Started { name, parent, version, fingerprint, key, args, inputs, label, resumed } => {
            Wire {
                kind: "component.started",
                name: Some(name.as_str().into()),
                parent: *parent,
                version: *version,
                fingerprint: Some(*fingerprint),
                key: key.as_deref().map(Into::into),
                args: args.clone(),
                input: inputs.as_deref(),
                label: label.as_deref().map(Into::into),
                resumed: *resumed,
                ..base
            }
        }
        EventKind::Retried { error, delay_ms, due_ms } => Wire {
            kind: "component.retried",
            error: Some(error.clone()),
            delay_ms: Some(*delay_ms),
            due_ms: Some(*due_ms),
            ..base
        },
        EventKind::Ended { outcome } => fill_outcome(Wire { kind: "component.ended", ..base }, outcome),
        _ => fill_wait(base, kind),
    }
}

fn fill_outcome<'a>(base: Wire<'a>, outcome: &'a Outcome) -> Wire<'a> {
    match outcome {
        Outcome::Output { json, type_name, origin } => Wire {
            status: Some(RunStatus::Succeeded),
            output: Some(json),
            output_type: Some(type_name.as_str().into()),
            from: *origin,
            ..base
        },
        Outcome::Failed(error) => {
            Wire { status: Some(RunStatus::Failed), error: Some(error.clone()), ..base }
        }
        Outcome::Cancelled => Wire { status: Some(RunStatus::Cancelled), ..base },
    }
}

fn fill_wait<'a>(base: Wire<'a>, kind: &'a EventKind) -> Wire<'a> {
    match kind {
        EventKind::InputRequested { name, parent, due_ms } => Wire {
            kind: "input.requested",
            name: Some(name.as_str().into()),
            parent: Some(*parent),
            due_ms: *due_ms,
            ..base
        },
        EventKind::InputReceived { name, message, data } => Wire {
            kind: "input.received",
            name: Some(name.as_str().into()),
            message: Some(*message),
            data: Some(data),
            ..base
        },
        EventKind::InputRejected { name, message, reason } => Wire {
            kind: "input.rejected",
            name: Some(name.as_str().into()),
            message: Some(*message),
            text: Some(reason.as_str().into()),
            ..base
        },
        EventKind::TimerSet { parent, duration_ms, due_ms } => Wire {
            kind: "timer.set",
            parent: Some(*parent),
            delay_ms: Some(*duration_ms),
            due_ms: Some(*due_ms),
            ..base
        },
        EventKind::TimerFired => Wire { kind: "timer.fired", ..base },
        _ => fill_emitted(base, kind),
    }
}

fn fill_emitted<'a>(base: Wire<'a>, kind: &'a EventKind) -> Wire<'a> {
    match kind {
        EventKind::Text { channel, text } => Wire {
            kind: "text",
            name: Some(channel.as_str().into()),
            text: Some(text.as_str().into()),
            ..base
        },
        EventKind::Labelled { label, data } => {
            Wire { kind: "event", label: Some(label.as_str().into()), data: Some(data), ..base }
        }
        EventKind::Object { name, patch } => {
            Wire { kind: "object", name: Some(name.as_str().into()), data: Some(patch), ..base }
        }
        EventKind::Progress { done, total } => {
            Wire { kind: "progress", done: Some(*done), total: *total, ..base }
        }
        EventKind::Usage(usage) => Wire { kind: "usage", usage: Some(usage.clone()), ..base },
        EventKind::Log { level, message } => {
            Wire { kind: "log", level: Some(*level), text: Some(message.as_str().into()), ..base }
        }
        EventKind::Divergence { name, sibling, changed } => Wire {
            kind: "divergence",
            name: Some(name.as_str().into()),
            sibling: Some(*sibling),
            changed: changed.clone(),
            ..base
        },
        _ => base,
    }
}

pub(super) fn decode(id: EventId, payload: &Payload) -> Result<Event> {
    let (envelope, kind) = match decode_wire(payload) {
        Ok(decoded) => decoded,
        Err(reason) => decode_unknown(payload).ok_or_else(|| unreadable(id, payload, &reason))?,
    };
    let Envelope { time, call, attempt, .. } = envelope;
    Ok(Event { id, time_ms: time, call, attempt, kind, stored: Some(Payload::clone(payload)) })
}

/// What every event of every version has.
#[derive(Deserialize)]
struct Envelope<'a> {
    v: u32,
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    time: u64,
    #[serde(default)]
    call: Option<CallId>,
    #[serde(default)]
    attempt: u32,
}

fn decode_wire(payload: &Payload) -> Result<(Envelope<'_>, EventKind), String> {
    let wire: Wire<'_> = parse(payload)?;
    let Wire { v, kind: name, time, call, attempt, .. } = wire;
    let kind = match from_wire(wire) {
        Ok(Some(kind)) => kind,
        Ok(None) => EventKind::Unknown { kind: name.to_owned() },
        Err(field) => return Err(format!("`{name}` without `{field}`")),
    };
    Ok((Envelope { v, kind: name.into(), time, call, attempt }, kind))
}

/// An event of a kind that this version does not know, which uses the name of one of its fields for something else.
fn decode_unknown(payload: &Payload) -> Option<(Envelope<'_>, EventKind)> {
    let envelope: Envelope<'_> = parse(payload).ok()?;
    let kind = envelope.kind.0.clone().into_owned();
    let alone = Wire { kind: &kind, ..Wire::default() };
    matches!(from_wire(alone), Ok(None)).then_some((envelope, EventKind::Unknown { kind }))
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a Payload) -> Result<T, String> {
    // serde reads a struct from an array, too.
    if payload.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is not an object".to_owned());
    }
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

/// A known kind that cannot be read is an error, also of a newer version: to overlook an outcome would run its call again.
fn unreadable(id: EventId, payload: &Payload, reason: &str) -> Error {
    let text = match parse::<Envelope<'_>>(payload) {
        Ok(envelope) if envelope.v > SCHEMA_VERSION => format!(
            "event {id} is of schema version {}, this library knows version {SCHEMA_VERSION} ({reason}): use the \
             library that wrote it",
            envelope.v
        ),
        _ => format!("event {id} cannot be read, its stored form is damaged: {reason}"),
    };
    Error::of(ErrorKind::Replay, text)
}

/// `None` for a kind that this version does not know; the name of the field that is missing as the error.
fn from_wire(wire: Wire<'_>) -> Result<Option<EventKind>, &'static str> {
    match wire.kind {
        "run.started" | "run.claimed" | "run.ended" => run_kind(wire).map(Some),
        "component.started" | "component.retried" | "component.ended" => component_kind(wire).map(Some),
        "input.requested" | "input.received" | "input.rejected" | "timer.set" | "timer.fired" => {
            wait_kind(wire).map(Some)
        }
        "text" | "event" | "object" | "progress" | "usage" | "log" | "divergence" => {
            emitted_kind(wire).map(Some)
        }
        _ => Ok(None),
    }
}

fn need<T>(value: Option<T>, field: &'static str) -> Result<T, &'static str> {
    value.ok_or(field)
}

fn owned(text: Option<Text<'_>>, field: &'static str) -> Result<String, &'static str> {
    need(text, field).map(|text| text.0.into_owned())
}

fn raw(json: Option<&RawValue>, field: &'static str) -> Result<Json, &'static str> {
    need(json, field).map(ToOwned::to_owned)
}

fn run_kind(wire: Wire<'_>) -> Result<EventKind, &'static str> {
    Ok(match wire.kind {
        "run.started" => EventKind::RunStarted {
            workflow: owned(wire.name, "name")?,
            version: wire.version,
            input: wire.input.map(ToOwned::to_owned),
            plan: wire.plan.map(ToOwned::to_owned),
            origin: need(wire.origin, "origin")?,
            retry_of: wire.retry_of,
        },
        "run.claimed" => EventKind::RunClaimed { owner: owned(wire.name, "name")? },
        _ => EventKind::RunEnded {
            status: need(wire.status, "status")?,
            output: wire.output.map(ToOwned::to_owned),
            error: wire.error,
        },
    })
}

fn component_kind(wire: Wire<'_>) -> Result<EventKind, &'static str> {
    need(wire.call, "call")?;
    Ok(match wire.kind {
        "component.started" => EventKind::Started {
            name: owned(wire.name, "name")?,
            parent: wire.parent,
            version: wire.version,
            fingerprint: need(wire.fingerprint, "fingerprint")?,
            key: wire.key.map(|key| key.0.into_owned()),
            args: wire.args,
            inputs: wire.input.map(ToOwned::to_owned),
            label: wire.label.map(|label| label.0.into_owned()),
            resumed: wire.resumed,
        },
        "component.retried" => EventKind::Retried {
            error: need(wire.error, "error")?,
            delay_ms: need(wire.delay_ms, "delay_ms")?,
            due_ms: need(wire.due_ms, "due_ms")?,
        },
        _ => EventKind::Ended { outcome: outcome(wire)? },
    })
}

fn outcome(wire: Wire<'_>) -> Result<Outcome, &'static str> {
    Ok(match need(wire.status, "status")? {
        RunStatus::Succeeded => Outcome::Output {
            json: raw(wire.output, "output")?,
            type_name: wire.output_type.map(|name| name.0.into_owned()).unwrap_or_default(),
            origin: wire.from,
        },
        RunStatus::Failed => Outcome::Failed(need(wire.error, "error")?),
        RunStatus::Cancelled => Outcome::Cancelled,
        RunStatus::Running => return Err("status of an ended call"),
    })
}

fn wait_kind(wire: Wire<'_>) -> Result<EventKind, &'static str> {
    need(wire.call, "call")?;
    Ok(match wire.kind {
        "input.requested" => EventKind::InputRequested {
            name: owned(wire.name, "name")?,
            parent: need(wire.parent, "parent")?,
            due_ms: wire.due_ms,
        },
        "input.received" => EventKind::InputReceived {
            name: owned(wire.name, "name")?,
            message: need(wire.message, "message")?,
            data: raw(wire.data, "data")?,
        },
        "input.rejected" => EventKind::InputRejected {
            name: owned(wire.name, "name")?,
            message: need(wire.message, "message")?,
            reason: owned(wire.text, "text")?,
        },
        "timer.set" => EventKind::TimerSet {
            parent: need(wire.parent, "parent")?,
            duration_ms: need(wire.delay_ms, "delay_ms")?,
            due_ms: need(wire.due_ms, "due_ms")?,
        },
        _ => EventKind::TimerFired,
    })
}

fn emitted_kind(wire: Wire<'_>) -> Result<EventKind, &'static str> {
    Ok(match wire.kind {
        "text" => EventKind::Text { channel: owned(wire.name, "name")?, text: owned(wire.text, "text")? },
        "event" => EventKind::Labelled { label: owned(wire.label, "label")?, data: raw(wire.data, "data")? },
        "object" => EventKind::Object { name: owned(wire.name, "name")?, patch: raw(wire.data, "data")? },
        "progress" => EventKind::Progress { done: need(wire.done, "done")?, total: wire.total },
        "usage" => EventKind::Usage(need(wire.usage, "usage")?),
        "log" => EventKind::Log { level: wire.level.unwrap_or_default(), message: owned(wire.text, "text")? },
        _ => EventKind::Divergence {
            name: owned(wire.name, "name")?,
            sibling: need(wire.sibling, "sibling")?,
            changed: wire.changed,
        },
    })
}
