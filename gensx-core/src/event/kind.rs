use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    RunId,
    error::ErrorRecord,
    identity::{CallId, Fingerprint},
};

/// A JSON value as text, kept to the letter.
pub type Json = Box<RawValue>;

/// What happened. [`Event::to_json`](super::Event::to_json) and `docs/events.md` show each kind's JSON.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// `run.started`: the first event of every stream.
    RunStarted {
        /// The name of the workflow or component that the run executes.
        workflow: String,
        /// Its version.
        version: u32,
        /// The input; none when it must be supplied again at resume.
        input: Option<Json>,
        /// The stages that are to come, for pages that show them.
        plan: Option<Json>,
        /// The run whose id the calls' identities begin with: this one, or the first of a chain of retries.
        origin: RunId,
        /// The failed run that this one retries.
        retry_of: Option<RunId>,
        /// How many outcomes are carried over from that one: so many follow, unless its process ended before.
        carries: u32,
        /// How long it is kept after its end, in milliseconds; as the sink keeps runs, where it does not say.
        keep_ms: Option<u64>,
        /// How it was queued, if a fleet's workers are to execute it. None for a run that an application executes by itself:
        /// no worker takes that from it.
        queued: Option<QueuedAs>,
    },
    /// `run.claimed`: a new owner took over; from here on the epoch is higher.
    RunClaimed {
        /// A name for the owner, fresh for each process.
        owner: String,
        /// The deployment of the owner, if that is a worker.
        deployment: Option<String>,
        /// The deployment that the run was moved from, if it was.
        moved_from: Option<String>,
    },
    /// `component.started`.
    Started {
        /// The component's name.
        name: String,
        /// The call that built this one.
        parent: Option<CallId>,
        /// The component's version.
        version: u32,
        /// The fingerprint of all inputs.
        fingerprint: Fingerprint,
        /// The key that stands for the fingerprint in the identity.
        key: Option<String>,
        /// A fingerprint for each recorded input, by name, where there are several.
        args: BTreeMap<String, Fingerprint>,
        /// The inputs as a JSON object; none when they are larger than the limit.
        inputs: Option<Json>,
        /// The label of the call.
        label: Option<String>,
        /// Whether the call goes on after a crash: what its own body streamed before is superseded.
        resumed: bool,
    },
    /// `component.retried`: an attempt failed, another one follows, which is the event's attempt. What the failed one streamed
    /// is superseded.
    Retried {
        /// The failure.
        error: ErrorBody,
        /// How long the wait is, in milliseconds.
        delay_ms: u64,
        /// When it is over, by the store's clock, in milliseconds since 1970.
        due_ms: u64,
    },
    /// `component.ended`.
    Ended {
        /// How.
        outcome: Outcome,
    },
    /// `text`: a piece of streamed text.
    Text {
        /// The channel it belongs to.
        channel: String,
        /// The piece, to be appended to what the same call and attempt streamed on this channel.
        text: String,
    },
    /// `event`: a labelled event of the application.
    Labelled {
        /// The label.
        label: String,
        /// Its data.
        data: Json,
    },
    /// `object`: a difference to a named object.
    Object {
        /// The object's name.
        name: String,
        /// A JSON Patch (RFC 6902) to the object's last state; the first one starts from `null`.
        patch: Json,
    },
    /// `progress`.
    Progress {
        /// How much is done.
        done: u64,
        /// Of how much, where it is known.
        total: Option<u64>,
    },
    /// `usage`: what a model call used.
    Usage(Usage),
    /// `input.requested`: the call waits for a message from outside.
    InputRequested {
        /// The input's name.
        name: String,
        /// The call that waits.
        parent: CallId,
        /// When the wait is given up, by the store's clock, in milliseconds since 1970.
        due_ms: Option<u64>,
    },
    /// `input.received`: the owner took a message from the inbox. It is the outcome of the request.
    InputReceived {
        /// The input's name.
        name: String,
        /// The message's number in the run's inbox.
        message: u64,
        /// Its value.
        data: Json,
    },
    /// `input.rejected`: a message did not decode as the type that was asked for; the wait goes on.
    InputRejected {
        /// The input's name.
        name: String,
        /// The message's number in the run's inbox.
        message: u64,
        /// Why.
        reason: String,
    },
    /// `timer.set`.
    TimerSet {
        /// The call that sleeps.
        parent: CallId,
        /// How long it sleeps, in milliseconds.
        duration_ms: u64,
        /// When it wakes, by the store's clock, in milliseconds since 1970.
        due_ms: u64,
    },
    /// `timer.fired`: the outcome of the sleep.
    TimerFired,
    /// `log`.
    Log {
        /// How important it is.
        level: LogLevel,
        /// What it says.
        message: String,
    },
    /// `divergence`: a resumed run built a call whose sibling of the same name is recorded with other inputs.
    Divergence {
        /// The component's name.
        name: String,
        /// The recorded sibling.
        sibling: CallId,
        /// The names of the inputs that differ.
        changed: Vec<String>,
    },
    /// `run.ended`: the last event.
    RunEnded {
        /// How the run ended.
        status: RunStatus,
        /// The output of a run that succeeded.
        output: Option<Json>,
        /// The error of one that did not.
        error: Option<ErrorBody>,
    },
    /// A kind that a newer version wrote: [`Event::to_json`](super::Event::to_json) passes it on whole.
    Unknown {
        /// Its name.
        kind: String,
    },
}

/// How a run was queued: what it takes to queue it again, where the queue has lost it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct QueuedAs {
    /// Higher goes first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: i8,
    /// When it may begin, by the store's clock, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "is_default")]
    pub due_ms: Option<u64>,
    /// What it must not exceed together with others.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Vec<QueuedLimit>,
    /// What makes this start differ from every other of the same id, where the caller chose the id.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Option<String>,
}

/// A bound that a run was queued with: see [`Limit`](crate::queue::Limit).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueuedLimit {
    /// The name of the group.
    pub name: String,
    /// Whose turn it is; empty for a bound on the whole group.
    #[serde(default, skip_serializing_if = "is_default")]
    pub key: String,
    /// The most runs at once.
    pub max: u32,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An error as events hold it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorBody(pub(crate) ErrorRecord);

impl ErrorBody {
    /// The error, its causes as text.
    #[must_use]
    pub fn to_error(&self) -> crate::Error {
        self.0.clone().into_text_error()
    }
}

/// How a call ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// With an output.
    Output {
        /// The output.
        json: Json,
        /// The name of its Rust type, for error messages.
        type_name: String,
        /// Where it came from.
        origin: Origin,
    },
    /// With a failure.
    Failed(ErrorBody),
    /// The call was dropped, or its parent ended before it.
    Cancelled,
}

/// Where an output came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The component's body.
    #[default]
    Executed,
    /// The cache.
    Cached,
    /// The component's fallback: every attempt had failed.
    Fallback,
    /// The run that this one retries.
    Carried,
}

/// How a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It has not reached its last event.
    Running,
    /// It gave its output.
    Succeeded,
    /// It gave an error.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl RunStatus {
    /// Whether the run has reached its last event.
    #[must_use]
    pub fn is_ended(self) -> bool {
        self != Self::Running
    }

    /// The word that stands for it in events and stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that a word stands for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

/// How important a log line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

/// What one model call used.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// The model that answered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Tokens read.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens written.
    #[serde(default)]
    pub output_tokens: u64,
}
