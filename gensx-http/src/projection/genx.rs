//! A run as the messages of the GenSX wire: see `docs/gensx-wire.md`.

mod labels;
mod message;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use gensx_core::{
    CallId, Event, EventKind, RunId, RunStatus,
    event::{ErrorBody, Json, LogLevel, Outcome},
};
use serde::Serialize;

pub(crate) use message::{NodeId, iso8601};

use self::{
    labels::Labels,
    message::{Message, Open, Patches, Value},
};
use super::Projection;

/// The most channels of one call that are emptied at once: those past it when their next text comes. An event becomes no more
/// frames than have numbers.
const MAX_EMPTIED_CHANNELS: usize = 200;

/// Which requests for input nothing waits for any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answered {
    /// All: the run has ended.
    All,
    /// Those of these calls.
    Calls(BTreeSet<CallId>),
}

impl Default for Answered {
    fn default() -> Self {
        Self::Calls(BTreeSet::new())
    }
}

impl Answered {
    /// The kinds of events that [`push`](Self::push) has to see.
    pub(crate) const KINDS: [&'static str; 3] = ["input.received", "component.ended", "run.ended"];

    /// Takes an event of the history in.
    pub(crate) fn push(&mut self, event: &Event) {
        match (&event.kind, event.call, &mut *self) {
            (EventKind::RunEnded { .. }, ..) => *self = Self::All,
            // A wait that was given up ends its call like any other.
            (EventKind::InputReceived { .. } | EventKind::Ended { .. }, Some(call), Self::Calls(calls)) => {
                calls.insert(call);
            }
            _ => {}
        }
    }

    pub(crate) fn is(&self, call: CallId) -> bool {
        match self {
            Self::All => true,
            Self::Calls(calls) => calls.contains(&call),
        }
    }
}

/// The fold.
#[derive(Debug)]
pub(crate) struct GenSx {
    run: String,
    answered: Answered,
    workflow: String,
    open: BTreeMap<CallId, Component>,
    labels: Labels,
}

/// A call that has begun and not ended.
#[derive(Debug)]
struct Component {
    name: String,
    label: Option<String>,
}

#[derive(Serialize)]
struct Progress {
    done: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

#[derive(Serialize)]
struct Log<'a> {
    level: LogLevel,
    message: &'a str,
}

/// The frames of one event.
struct Out<'a> {
    time_ms: u64,
    frames: &'a mut Vec<String>,
}

impl Out<'_> {
    fn say(&mut self, message: &Message<'_>) {
        self.frames.extend(message.to_line(self.time_ms));
    }
}

impl GenSx {
    /// The messages of a run, given what of it was answered when its reader came.
    pub(crate) fn new(run: &RunId, answered: Answered) -> Self {
        Self {
            run: run.to_string(),
            answered,
            workflow: String::new(),
            open: BTreeMap::new(),
            labels: Labels::default(),
        }
    }

    fn started(&mut self, call: CallId, name: &str, label: Option<&str>, out: &mut Out<'_>) {
        self.empty(call, out);
        // One that goes on after a crash is open already.
        if self.open.contains_key(&call) {
            return;
        }
        let id = call.to_string();
        out.say(&Message::ComponentStart { component_name: name, component_id: &id, label });
        self.open.insert(call, Component { name: name.to_owned(), label: label.map(str::to_owned) });
    }

    fn ended(&mut self, call: CallId, outcome: &Outcome, out: &mut Out<'_>) {
        if matches!(outcome, Outcome::Output { .. }) {
            self.labels.forget(call);
        }
        if let Some(Component { name, label }) = self.open.remove(&call) {
            let id = call.to_string();
            let label = label.as_deref();
            out.say(&Message::ComponentEnd { component_name: &name, component_id: &id, label });
        }
    }

    /// What the call has streamed is superseded.
    fn empty(&mut self, call: CallId, out: &mut Out<'_>) {
        let path = format!("/{call}");
        for label in self.labels.empty(call, MAX_EMPTIED_CHANNELS) {
            let patches = Patches::replace(&path, "");
            out.say(&Message::Object { label: &label, patches, is_initial: false });
        }
    }

    fn text(&mut self, call: CallId, channel: &str, text: &str, out: &mut Out<'_>) {
        let (label, piece) = self.labels.piece(channel, call);
        let path = format!("/{call}");
        // An append is alone in its message: clients apply it before whatever else there is.
        let patches = if piece.known { Patches::append(&path, text) } else { Patches::add(&path, text) };
        out.say(&Message::Object { label: &label, patches, is_initial: piece.first });
    }

    fn succeeded(&self, output: Option<&Json>, out: &mut Out<'_>) {
        let (component_name, component_id) = (self.workflow.as_str(), self.run.as_str());
        out.say(&Message::ComponentEnd { component_name, component_id, label: None });
        let text = output.and_then(|output| serde_json::from_str::<String>(output.get()).ok());
        if let Some(output) = output {
            out.say(&Message::Data { data: data(output, text.as_deref()) });
        }
        out.say(&Message::End);
        out.say(&Message::Output { content: text.as_deref().or(output.map(|output| output.get())) });
    }

    fn failed(&self, status: RunStatus, error: Option<&ErrorBody>, out: &mut Out<'_>) {
        let text = why(status, error);
        out.say(&Message::Error { error: &text, execution_id: &self.run, execution_status: "failed" });
    }
}

impl Projection for GenSx {
    fn push(&mut self, event: &Event, frames: &mut Vec<String>) {
        let mut out = Out { time_ms: event.time_ms, frames };
        let out = &mut out;
        match &event.kind {
            EventKind::RunStarted { workflow, .. } => {
                self.workflow.clone_from(workflow);
                let (name, id) = (workflow.as_str(), self.run.as_str());
                out.say(&Message::Start { workflow_name: name, workflow_execution_id: id });
                out.say(&Message::ComponentStart { component_name: name, component_id: id, label: None });
            }
            EventKind::RunEnded { status: RunStatus::Succeeded, output, .. } => {
                self.succeeded(output.as_ref(), out);
            }
            EventKind::RunEnded { status, error, .. } => self.failed(*status, error.as_ref(), out),
            EventKind::Labelled { label, data } => {
                out.say(&Message::Event { label, data: Value::Json(data) });
            }
            EventKind::Object { name, patch } => {
                let (label, is_initial) = self.labels.object(name);
                out.say(&Message::Object { label: &label, patches: Patches::Stored(patch), is_initial });
            }
            EventKind::Progress { done, total } => {
                let data = Value::Progress(Progress { done: *done, total: *total });
                out.say(&Message::Event { label: "progress", data });
            }
            EventKind::Log { level, message } => {
                let data = Value::Log(Log { level: *level, message });
                out.say(&Message::Event { label: "log", data });
            }
            kind => {
                if let Some(call) = event.call {
                    self.of_call(call, kind, out);
                }
            }
        }
    }
}

impl GenSx {
    fn of_call(&mut self, call: CallId, kind: &EventKind, out: &mut Out<'_>) {
        match kind {
            EventKind::Started { name, label, .. } => self.started(call, name, label.as_deref(), out),
            EventKind::Retried { .. } => self.empty(call, out),
            EventKind::Ended { outcome } => self.ended(call, outcome, out),
            EventKind::Text { channel, text } => self.text(call, channel, text, out),
            EventKind::InputRequested { name, .. } => out.say(&Message::ExternalTool {
                tool_name: name,
                params: Open {},
                params_schema: Open {},
                result_schema: Open {},
                node_id: &NodeId::of(name, call).to_string(),
                fulfilled: self.answered.is(call),
            }),
            _ => {}
        }
    }
}

/// Why a run has no output.
pub(crate) fn why(status: RunStatus, error: Option<&ErrorBody>) -> String {
    match error {
        Some(error) => format!("{:#}", error.to_error()),
        None => format!("the run was {}", status.as_str()),
    }
}

/// A run's output, so that clients that join the texts of all `data` messages and read them as JSON, or else as text, come to
/// that output.
fn data<'a>(output: &'a Json, text: Option<&'a str>) -> Value<'a> {
    match text {
        // Read as it is, it would be nothing, or another value.
        Some(text)
            if text.is_empty() || serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() =>
        {
            Value::Text(output.get())
        }
        Some(text) => Value::Text(text),
        None => Value::Json(output),
    }
}
