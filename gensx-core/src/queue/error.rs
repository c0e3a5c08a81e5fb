use std::{error::Error as StdError, fmt};

use crate::error::BoxError;

/// What a queue's failure means for the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum QueueErrorKind {
    /// It does not answer now: the same call may succeed later.
    Unavailable,
    /// As many runs wait as may: start this one later.
    Full,
    /// What was asked for cannot be queued by any store: a name, a key, a number of limits.
    Invalid,
    /// A limit of this store: the first event is too large.
    TooLarge,
    /// What is stored is damaged, or is not gensx's.
    Corrupt,
    /// It is not set up as it must be.
    Config,
}

/// A queue's failure.
#[derive(Debug)]
pub struct QueueError {
    kind: QueueErrorKind,
    queue: String,
    message: String,
    source: Option<BoxError>,
}

impl QueueError {
    /// A failure of the queue called `queue`; `message` says what failed, for which run, and what to do.
    #[must_use]
    pub fn new(kind: QueueErrorKind, queue: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, queue: queue.into(), message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What it means for the caller.
    #[must_use]
    pub fn kind(&self) -> QueueErrorKind {
        self.kind
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run queue `{}`: {}", self.queue, self.message)
    }
}

impl StdError for QueueError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<QueueError> for crate::Error {
    fn from(error: QueueError) -> Self {
        let kind = match error.kind {
            QueueErrorKind::Full | QueueErrorKind::TooLarge => crate::ErrorKind::Limit,
            QueueErrorKind::Invalid => crate::ErrorKind::InvalidInput,
            QueueErrorKind::Config => crate::ErrorKind::Config,
            QueueErrorKind::Corrupt => crate::ErrorKind::Replay,
            QueueErrorKind::Unavailable => crate::ErrorKind::Sink,
        };
        let QueueError { queue, message, source, .. } = error;
        let wrapped = Self::of(kind, format!("run queue `{queue}`: {message}"));
        match source {
            Some(source) => wrapped.with_source(source),
            None => wrapped,
        }
    }
}
