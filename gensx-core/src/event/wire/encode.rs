//! Events to JSON.

use serde_json::value::RawValue;

use super::{
    super::{Event, EventKind, Outcome, RunStatus, SCHEMA_VERSION},
    Wire,
};
use crate::{EventId, sink::Payload};

/// Room for most events at once: growing costs another copy.
const ENCODED_BYTES: usize = 512;

pub(in crate::event) fn encode(event: &Event) -> Payload {
    if let Some(stored) = &event.stored {
        return Payload::clone(stored);
    }
    let mut bytes = Vec::with_capacity(ENCODED_BYTES);
    // Strings, numbers and maps of strings always have a JSON form, and a Vec takes every write.
    if serde_json::to_writer(&mut bytes, &to_wire(event)).is_err() {
        unreachable!("an event of plain values has a JSON form");
    }
    bytes.into()
}

/// What is stored, to the letter, with the id in front: fields of a newer version are passed on.
pub(in crate::event) fn to_json(event: &Event) -> String {
    with_id(event.id, &String::from_utf8_lossy(&encode(event)))
}

/// The same for bytes that nobody has decoded.
pub(crate) fn stored_to_json(id: EventId, payload: &Payload) -> crate::Result<String> {
    let damaged = |error| {
        let text = format!("the event {id} cannot be read: it is damaged");
        crate::Error::of(crate::ErrorKind::Replay, text).with_source(error)
    };
    let object: &RawValue = serde_json::from_slice(payload).map_err(damaged)?;
    if !object.get().starts_with('{') {
        return Err(damaged(serde::de::Error::custom("no object")));
    }
    Ok(with_id(id, object.get()))
}

fn with_id(id: EventId, object: &str) -> String {
    format!("{{\"id\":\"{id}\",{}", object.trim_start().strip_prefix('{').unwrap_or("}"))
}

fn to_wire(event: &Event) -> Wire<'_> {
    let mut wire = Wire {
        v: SCHEMA_VERSION,
        time: event.time_ms,
        call: event.call,
        attempt: event.attempt,
        ..Wire::default()
    };
    wire.fill(&event.kind);
    wire
}

/// Filling in place: a `Wire` is large, and every event is written as one.
impl<'a> Wire<'a> {
    fn fill(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::RunStarted {
                workflow,
                version,
                input,
                plan,
                origin,
                retry_of,
                carries,
                keep_ms,
                queued,
            } => {
                self.kind = "run.started";
                self.name = Some(workflow.as_str().into());
                self.version = *version;
                self.input = input.as_deref();
                self.plan = plan.as_deref();
                self.origin = Some(origin.clone());
                self.retry_of.clone_from(retry_of);
                self.carries = *carries;
                self.keep_ms = *keep_ms;
                self.queued.clone_from(queued);
            }
            EventKind::RunClaimed { owner, deployment, moved_from } => {
                self.kind = "run.claimed";
                self.name = Some(owner.as_str().into());
                self.deployment = deployment.as_deref().map(Into::into);
                self.moved_from = moved_from.as_deref().map(Into::into);
            }
            EventKind::RunEnded { status, output, error } => {
                self.kind = "run.ended";
                self.status = Some(*status);
                self.output = output.as_deref();
                self.error.clone_from(error);
            }
            _ => self.fill_component(kind),
        }
    }

    fn fill_component(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::Started { name, parent, version, fingerprint, key, args, inputs, label, resumed } => {
                self.kind = "component.started";
                self.name = Some(name.as_str().into());
                self.parent = *parent;
                self.version = *version;
                self.fingerprint = Some(*fingerprint);
                self.key = key.as_deref().map(Into::into);
                self.args.clone_from(args);
                self.input = inputs.as_deref();
                self.label = label.as_deref().map(Into::into);
                self.resumed = *resumed;
            }
            EventKind::Retried { error, delay_ms, due_ms } => {
                self.kind = "component.retried";
                self.error = Some(error.clone());
                self.delay_ms = Some(*delay_ms);
                self.due_ms = Some(*due_ms);
            }
            EventKind::Ended { outcome } => {
                self.kind = "component.ended";
                self.fill_outcome(outcome);
            }
            _ => self.fill_wait(kind),
        }
    }

    fn fill_outcome(&mut self, outcome: &'a Outcome) {
        match outcome {
            Outcome::Output { json, type_name, origin } => {
                self.status = Some(RunStatus::Succeeded);
                self.output = Some(json);
                self.output_type = Some(type_name.as_str().into());
                self.from = *origin;
            }
            Outcome::Failed(error) => {
                self.status = Some(RunStatus::Failed);
                self.error = Some(error.clone());
            }
            Outcome::Cancelled => self.status = Some(RunStatus::Cancelled),
        }
    }

    fn fill_wait(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::InputRequested { name, parent, due_ms } => {
                self.kind = "input.requested";
                self.name = Some(name.as_str().into());
                self.parent = Some(*parent);
                self.due_ms = *due_ms;
            }
            EventKind::InputReceived { name, message, data } => {
                self.kind = "input.received";
                self.name = Some(name.as_str().into());
                self.message = Some(*message);
                self.data = Some(data);
            }
            EventKind::InputRejected { name, message, reason } => {
                self.kind = "input.rejected";
                self.name = Some(name.as_str().into());
                self.message = Some(*message);
                self.text = Some(reason.as_str().into());
            }
            EventKind::TimerSet { parent, duration_ms, due_ms } => {
                self.kind = "timer.set";
                self.parent = Some(*parent);
                self.delay_ms = Some(*duration_ms);
                self.due_ms = Some(*due_ms);
            }
            EventKind::TimerFired => self.kind = "timer.fired",
            _ => self.fill_emitted(kind),
        }
    }

    fn fill_emitted(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::Text { channel, text } => {
                self.kind = "text";
                self.name = Some(channel.as_str().into());
                self.text = Some(text.as_str().into());
            }
            EventKind::Labelled { label, data } => {
                self.kind = "event";
                self.label = Some(label.as_str().into());
                self.data = Some(data);
            }
            EventKind::Object { name, patch } => {
                self.kind = "object";
                self.name = Some(name.as_str().into());
                self.data = Some(patch);
            }
            EventKind::Progress { done, total } => {
                self.kind = "progress";
                self.done = Some(*done);
                self.total = *total;
            }
            EventKind::Usage(usage) => {
                self.kind = "usage";
                self.usage = Some(usage.clone());
            }
            EventKind::Log { level, message } => {
                self.kind = "log";
                self.level = Some(*level);
                self.text = Some(message.as_str().into());
            }
            EventKind::Divergence { name, sibling, changed } => {
                self.kind = "divergence";
                self.name = Some(name.as_str().into());
                self.sibling = Some(*sibling);
                self.changed.clone_from(changed);
            }
            _ => {}
        }
    }
}
