use std::{error::Error as StdError, fmt};

use crate::error::BoxError;

/// What a sink's failure means for the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// It does not answer now, or has no room now: the same call may succeed later.
    Unavailable,
    /// There is no stream of that run: it never started, was deleted, or has expired.
    NotFound,
    /// The run has ended: it takes no more messages.
    Ended,
    /// A limit of the store: a payload or an inbox is too large.
    TooLarge,
    /// What is stored is damaged, or is not gensx's.
    Corrupt,
    /// It is not set up as it must be.
    Config,
}

/// A sink's failure.
#[derive(Debug)]
pub struct SinkError {
    kind: SinkErrorKind,
    sink: String,
    message: String,
    source: Option<BoxError>,
}

impl SinkError {
    /// A failure of the sink called `sink`; `message` says what failed and what to do.
    #[must_use]
    pub fn new(kind: SinkErrorKind, sink: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, sink: sink.into(), message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What it means for the caller.
    #[must_use]
    pub fn kind(&self) -> SinkErrorKind {
        self.kind
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event sink `{}`: {}", self.sink, self.message)
    }
}

impl StdError for SinkError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<SinkError> for crate::Error {
    fn from(error: SinkError) -> Self {
        let kind = match error.kind {
            SinkErrorKind::NotFound => crate::ErrorKind::NotFound,
            SinkErrorKind::TooLarge => crate::ErrorKind::Limit,
            SinkErrorKind::Config => crate::ErrorKind::Config,
            SinkErrorKind::Corrupt => crate::ErrorKind::Replay,
            SinkErrorKind::Unavailable | SinkErrorKind::Ended => crate::ErrorKind::Sink,
        };
        let SinkError { sink, message, source, .. } = error;
        let wrapped = Self::of(kind, format!("event sink `{sink}`: {message}"));
        match source {
            Some(source) => wrapped.with_source(source),
            None => wrapped,
        }
    }
}
