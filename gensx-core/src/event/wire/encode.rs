//! Events to JSON.

use super::{
    super::{Event, EventKind, Outcome, RunStatus, SCHEMA_VERSION},
    Wire,
};
use crate::sink::Payload;

pub(in crate::event) fn encode(event: &Event) -> Payload {
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
pub(in crate::event) fn to_json(event: &Event) -> String {
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
