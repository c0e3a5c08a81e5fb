//! What a run's stream says.

mod kind;
#[cfg(test)]
mod tests;
mod wire;

use std::time::{Duration, SystemTime};

pub use kind::{
    ErrorBody, EventKind, Json, LogLevel, Origin, Outcome, QueuedAs, QueuedLimit, RunStatus, Usage,
};

pub(crate) use wire::stored_to_json;

use crate::{EventId, identity::CallId, sink::Payload};

/// The version of the events' JSON that this library writes.
pub const SCHEMA_VERSION: u32 = 1;

/// One event of a run.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where it stands in the stream.
    pub id: EventId,
    /// When it was made, in milliseconds since 1970: for people, nothing is decided by it.
    pub time_ms: u64,
    /// The call it belongs to; none for the run's own events.
    pub call: Option<CallId>,
    /// The attempt of that call, from 1; 0 for the run's own events.
    pub attempt: u32,
    /// What happened.
    pub kind: EventKind,
    /// The bytes it was read from: what a newer version added to them is passed on.
    pub(crate) stored: Option<Payload>,
}

impl Event {
    pub(crate) fn new(time_ms: u64, call: Option<CallId>, attempt: u32, kind: EventKind) -> Self {
        Self { id: EventId::new(0, 0), time_ms, call, attempt, kind, stored: None }
    }

    /// The size of the text it holds, where it is streamed text.
    pub(crate) fn text_bytes(&self) -> usize {
        match &self.kind {
            EventKind::Text { text, .. } => text.len(),
            _ => 0,
        }
    }

    /// How many bytes of it are the application's, which may be many.
    pub(crate) fn weight(&self) -> usize {
        let json = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.get().len());
        match &self.kind {
            EventKind::RunStarted { input, .. } => json(input),
            EventKind::Started { inputs, .. } => json(inputs),
            EventKind::Ended { outcome: Outcome::Output { json, .. } } => json.get().len(),
            EventKind::Text { text, .. } => text.len(),
            EventKind::Labelled { data, .. } | EventKind::InputReceived { data, .. } => data.get().len(),
            EventKind::Object { patch, .. } => patch.get().len(),
            EventKind::Log { message, .. } => message.len(),
            EventKind::RunEnded { output, .. } => json(output),
            _ => 0,
        }
    }

    /// When it was made.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.time_ms)
    }

    /// Whether it is the run's last event.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self.kind, EventKind::RunEnded { .. })
    }

    /// Reads an event from the bytes that a sink stored under `id`.
    ///
    /// Kinds and fields of a newer version are kept: see [`EventKind::Unknown`].
    ///
    /// # Errors
    /// [`ErrorKind::Replay`](crate::ErrorKind::Replay) when the bytes are no event: cut off, or damaged.
    pub fn decode(id: EventId, payload: &Payload) -> crate::Result<Self> {
        wire::decode(id, payload)
    }

    /// The bytes that a sink stores.
    #[must_use]
    pub fn encode(&self) -> Payload {
        wire::encode(self)
    }

    /// The event as the JSON that readers outside get: what is stored, and the id.
    #[must_use]
    pub fn to_json(&self) -> String {
        wire::to_json(self)
    }
}
