//! A run as the parts of a UI message, as the AI SDK's `useChat` reads them: see `docs/ai-sdk.md`.

mod part;
#[cfg(test)]
mod tests;
mod texts;

use std::{borrow::Cow, collections::BTreeMap};

use gensx_core::{
    CallId, Event, EventKind, RunId, RunStatus,
    event::{ErrorBody, Json, Outcome, Usage},
};
use serde::Serialize;
use serde_json::Value;

use self::{
    part::{Data, Input, InputStatus, Part, Progress, Step, StepStatus, kind_of, line},
    texts::Texts,
};
use super::Projection;

/// The most calls, and the most inputs, that the end of a run closes: an event becomes no more frames than have numbers.
const MAX_CLOSED_AT_END: usize = 60;

/// The fold. It holds what is open, the objects' states, and for each call the ids of the texts of its last attempt.
#[derive(Debug)]
pub(crate) struct Ui {
    run: String,
    calls: BTreeMap<CallId, Call>,
    texts: Texts,
    waiting: BTreeMap<CallId, String>,
    objects: BTreeMap<String, Value>,
    used: Used,
}

/// A call that has begun and not ended.
#[derive(Debug)]
struct Call {
    name: String,
    label: Option<String>,
    attempt: u32,
}

#[derive(Clone, Copy, Default, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Used {
    input_tokens: u64,
    output_tokens: u64,
}

/// The frames of one event.
struct Out<'a> {
    /// The event's id, which names what it opens.
    event: String,
    frames: &'a mut Vec<String>,
}

impl Out<'_> {
    fn say(&mut self, part: &Part<'_>) {
        self.frames.extend(line(part));
    }

    fn data(&mut self, kind: impl Into<Cow<'static, str>>, id: &str, data: impl Serialize) {
        self.frames.extend(line(&Data { kind: kind.into(), id, data }));
    }
}

impl Ui {
    pub(crate) fn new(run: &RunId) -> Self {
        Self {
            run: run.to_string(),
            calls: BTreeMap::new(),
            texts: Texts::default(),
            waiting: BTreeMap::new(),
            objects: BTreeMap::new(),
            used: Used::default(),
        }
    }

    fn started(&mut self, call: CallId, attempt: u32, name: &str, label: Option<&str>, out: &mut Out<'_>) {
        // Whoever begins again says again what it said before.
        self.texts.supersede(call, None, out);
        let call_of = Call { name: name.to_owned(), label: label.map(str::to_owned), attempt };
        step(call, &call_of, StepStatus::Running, None, out);
        self.calls.insert(call, call_of);
    }

    fn retried(&mut self, call: CallId, error: &ErrorBody, out: &mut Out<'_>) {
        let error = format!("{:#}", error.to_error());
        self.texts.supersede(call, Some(&error), out);
        if let Some(known) = self.calls.get(&call) {
            step(call, known, StepStatus::Retrying, Some(&error), out);
        }
    }

    /// Nothing else says that the next attempt began.
    fn meet_attempt(&mut self, call: CallId, attempt: u32, out: &mut Out<'_>) {
        if let Some(known) = self.calls.get_mut(&call)
            && known.attempt < attempt
        {
            known.attempt = attempt;
            step(call, known, StepStatus::Running, None, out);
        }
    }

    fn ended(&mut self, call: CallId, attempt: u32, outcome: &Outcome, out: &mut Out<'_>) {
        self.texts.end(call, out);
        if let Some(name) = self.waiting.remove(&call) {
            input(call, &name, InputStatus::Closed, out);
        }
        let Some(mut known) = self.calls.remove(&call) else { return };
        known.attempt = known.attempt.max(attempt);
        let (status, error) = match outcome {
            Outcome::Output { .. } => (StepStatus::Succeeded, None),
            Outcome::Failed(error) => (StepStatus::Failed, Some(format!("{:#}", error.to_error()))),
            _ => (StepStatus::Cancelled, None),
        };
        step(call, &known, status, error.as_deref(), out);
    }

    fn object(&mut self, name: &str, patch: &Json, out: &mut Out<'_>) {
        let state = self.objects.entry(name.to_owned()).or_default();
        let patch = serde_json::from_str::<json_patch::Patch>(patch.get());
        // What does not fit changes nothing: the next whole state will.
        if patch.is_ok_and(|patch| json_patch::patch(state, &patch).is_ok()) {
            out.data(kind_of(name), name, &*state);
        }
    }

    fn use_up(&mut self, usage: &Usage, out: &mut Out<'_>) {
        let Used { input_tokens, output_tokens } = &mut self.used;
        *input_tokens = input_tokens.saturating_add(usage.input_tokens);
        *output_tokens = output_tokens.saturating_add(usage.output_tokens);
        out.data("data-gensx-usage", "usage", self.used);
    }

    fn run_ended(
        &mut self,
        status: RunStatus,
        output: Option<&Json>,
        error: Option<&ErrorBody>,
        out: &mut Out<'_>,
    ) {
        self.texts.end_all(out);
        for (call, name) in std::mem::take(&mut self.waiting).into_iter().take(MAX_CLOSED_AT_END) {
            input(call, &name, InputStatus::Closed, out);
        }
        for (call, known) in std::mem::take(&mut self.calls).into_iter().take(MAX_CLOSED_AT_END) {
            step(call, &known, StepStatus::Cancelled, None, out);
        }
        match (status, error) {
            (RunStatus::Succeeded, _) => self.output(output, out),
            (RunStatus::Cancelled, _) => out.say(&Part::Abort {}),
            (_, Some(error)) => out.say(&Part::Error { error_text: &format!("{:#}", error.to_error()) }),
            (_, None) => out.say(&Part::Error { error_text: "the run failed" }),
        }
        // Also behind an error: some readers come back until they have seen it.
        out.say(&Part::Finish {});
    }

    fn output(&mut self, output: Option<&Json>, out: &mut Out<'_>) {
        let Some(output) = output.filter(|output| output.get() != "null") else { return };
        match serde_json::from_str::<String>(output.get()) {
            Ok(text) if !self.texts.any => self.texts.whole("output", &text, out),
            _ => out.data("data-gensx-output", "output", output),
        }
    }
}

impl Projection for Ui {
    fn push(&mut self, event: &Event, frames: &mut Vec<String>) {
        let mut out = Out { event: event.id.to_string(), frames };
        let out = &mut out;
        match &event.kind {
            EventKind::RunStarted { .. } => out.say(&Part::Start { message_id: &self.run }),
            EventKind::RunEnded { status, output, error } => {
                self.run_ended(*status, output.as_ref(), error.as_ref(), out);
            }
            EventKind::Object { name, patch } => self.object(name, patch, out),
            EventKind::Usage(usage) => self.use_up(usage, out),
            EventKind::Labelled { label, data } => {
                let id = out.event.clone();
                out.data(kind_of(label), &id, data);
            }
            kind => {
                if let Some(call) = event.call {
                    self.of_call(call, event.attempt, kind, out);
                }
            }
        }
    }
}

impl Ui {
    fn of_call(&mut self, call: CallId, attempt: u32, kind: &EventKind, out: &mut Out<'_>) {
        match kind {
            EventKind::Started { name, label, .. } => {
                self.started(call, attempt, name, label.as_deref(), out);
            }
            EventKind::Retried { error, .. } => self.retried(call, error, out),
            EventKind::Ended { outcome } => self.ended(call, attempt, outcome, out),
            EventKind::Text { channel, text } => {
                self.meet_attempt(call, attempt, out);
                self.texts.piece(call, attempt, channel, text, out);
            }
            EventKind::Progress { done, total } => {
                self.meet_attempt(call, attempt, out);
                out.data("data-gensx-progress", &call.to_string(), Progress { done: *done, total: *total });
            }
            EventKind::InputRequested { name, due_ms, .. } => {
                let waits = Input { name, status: InputStatus::Waiting, due_at: *due_ms, rejected: None };
                out.data("data-gensx-input", &call.to_string(), waits);
                self.waiting.insert(call, name.clone());
            }
            EventKind::InputRejected { name, reason, .. } => {
                let waits =
                    Input { name, status: InputStatus::Waiting, due_at: None, rejected: Some(reason) };
                out.data("data-gensx-input", &call.to_string(), waits);
            }
            EventKind::InputReceived { name, .. } => {
                self.waiting.remove(&call);
                input(call, name, InputStatus::Received, out);
            }
            _ => {}
        }
    }
}

fn step(call: CallId, of: &Call, status: StepStatus, error: Option<&str>, out: &mut Out<'_>) {
    let Call { name, label, attempt } = of;
    let step = Step { name, label: label.as_deref(), status, attempt: *attempt, error };
    out.data("data-gensx-step", &call.to_string(), step);
}

fn input(call: CallId, name: &str, status: InputStatus, out: &mut Out<'_>) {
    let input = Input { name, status, due_at: None, rejected: None };
    out.data("data-gensx-input", &call.to_string(), input);
}
