//! JSON to events.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{Event, EventKind, Json, Outcome, RunStatus, SCHEMA_VERSION},
    Text, Wire,
};
use crate::{Error, ErrorKind, EventId, Result, identity::CallId, sink::Payload};

pub(in crate::event) fn decode(id: EventId, payload: &Payload) -> Result<Event> {
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
            carries: wire.carries,
            keep_ms: wire.keep_ms,
            queued: wire.queued,
        },
        "run.claimed" => EventKind::RunClaimed {
            owner: owned(wire.name, "name")?,
            deployment: wire.deployment.map(|name| name.0.into_owned()),
            moved_from: wire.moved_from.map(|name| name.0.into_owned()),
        },
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
