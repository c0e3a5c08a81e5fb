//! What a run's stream says of it as a whole: a fold over its events.

use std::collections::BTreeMap;

use gensx_core::{
    CallId, Event, EventKind, RunStatus,
    event::{ErrorBody, Json, Origin, Outcome, Usage},
};
use serde::Serialize;

/// A run, as `GET /runs/{id}` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    id: String,
    workflow: String,
    #[serde(skip_serializing_if = "is_zero")]
    version: u32,
    status: RunStatus,
    /// Milliseconds since 1970.
    started_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
    /// The id of the last event that was looked at.
    last_event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<String>,
    /// The deployment of the worker that has it, or had it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<String>,
    calls: Calls,
    usage: Used,
    /// The inputs that it waits for.
    waiting_for: Vec<Waiting>,
    #[serde(skip)]
    requests: BTreeMap<CallId, Waiting>,
}

/// How its calls stand.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
struct Calls {
    started: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    /// Of those that succeeded: by the cache.
    cached: u64,
    /// Attempts that failed and were followed by another one.
    retried: u64,
}

/// What its model calls used, those of failed attempts included.
#[derive(Default, Debug, Serialize)]
struct Used {
    input_tokens: u64,
    output_tokens: u64,
    models: BTreeMap<String, Tokens>,
}

#[derive(Default, Debug, Serialize)]
struct Tokens {
    calls: u64,
    input_tokens: u64,
    output_tokens: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Waiting {
    name: String,
    /// When the wait is given up, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<u64>,
}

fn is_zero(version: &u32) -> bool {
    *version == 0
}

impl Summary {
    /// A run of which nothing has been read.
    pub(crate) fn new(id: String, workflow: String) -> Self {
        Self {
            id,
            workflow,
            version: 0,
            status: RunStatus::Running,
            started_at: 0,
            ended_at: None,
            last_event: String::new(),
            input: None,
            plan: None,
            output: None,
            error: None,
            retry_of: None,
            deployment: None,
            calls: Calls::default(),
            usage: Used::default(),
            waiting_for: Vec::new(),
            requests: BTreeMap::new(),
        }
    }

    /// Takes an event in.
    pub(crate) fn push(&mut self, event: Event) {
        self.last_event = event.id.to_string();
        match event.kind {
            EventKind::RunStarted { version, input, plan, retry_of, .. } => {
                self.started_at = event.time_ms;
                (self.version, self.input, self.plan) = (version, input, plan);
                self.retry_of = retry_of.map(|run| run.to_string());
            }
            EventKind::RunClaimed { deployment, .. } => self.deployment = deployment,
            EventKind::Started { resumed, .. } => self.calls.started += u64::from(!resumed),
            EventKind::Retried { .. } => self.calls.retried += 1,
            EventKind::Ended { outcome } => self.calls.count(&outcome),
            EventKind::Usage(usage) => self.usage.add(usage),
            EventKind::InputRequested { name, due_ms, .. } => {
                if let Some(call) = event.call {
                    self.requests.insert(call, Waiting { name, due_at: due_ms });
                }
            }
            EventKind::InputReceived { .. } => self.forget(event.call),
            EventKind::RunEnded { status, output, error } => {
                self.ended_at = Some(event.time_ms);
                (self.status, self.output, self.error) = (status, output, error);
                self.requests.clear();
            }
            _ => {}
        }
    }

    fn forget(&mut self, call: Option<CallId>) {
        if let Some(call) = call {
            self.requests.remove(&call);
        }
    }

    /// The run as far as it was read.
    pub(crate) fn finish(mut self) -> Self {
        self.waiting_for = std::mem::take(&mut self.requests).into_values().collect();
        self
    }
}

impl Calls {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Output { origin, .. } => {
                self.succeeded += 1;
                self.cached += u64::from(*origin == Origin::Cached);
            }
            Outcome::Failed(_) => self.failed += 1,
            _ => self.cancelled += 1,
        }
    }
}

impl Used {
    fn add(&mut self, usage: Usage) {
        let Usage { model, input_tokens, output_tokens, .. } = usage;
        self.input_tokens = self.input_tokens.saturating_add(input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(output_tokens);
        let tokens = self.models.entry(model).or_default();
        tokens.calls += 1;
        tokens.input_tokens = tokens.input_tokens.saturating_add(input_tokens);
        tokens.output_tokens = tokens.output_tokens.saturating_add(output_tokens);
    }
}
