//! What a failure of SQLite means, and what to do about it.

use std::sync::Arc;

use gensx_core::{QueueError, QueueErrorKind, SinkError, SinkErrorKind};
use rusqlite::ErrorCode;

/// A failure before it is known whose it is. One failed transaction is the answer to each append in it, hence `Clone`.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: SinkErrorKind,
    message: String,
    source: Option<Arc<rusqlite::Error>>,
}

impl Failure {
    pub(crate) fn new(kind: SinkErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// A stored value that this library does not write.
    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::new(
            SinkErrorKind::Corrupt,
            format!("the file holds {what}, which gensx does not write: restore a backup"),
        )
    }

    pub(crate) fn kind(&self) -> SinkErrorKind {
        self.kind
    }

    pub(crate) fn of_sink(self, name: &str) -> SinkError {
        let error = SinkError::new(self.kind, name, self.message);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }

    /// `what` could not be done.
    pub(crate) fn of_queue(self, name: &str, what: &str) -> QueueError {
        let kind = match self.kind {
            SinkErrorKind::Corrupt => QueueErrorKind::Corrupt,
            SinkErrorKind::Config => QueueErrorKind::Config,
            SinkErrorKind::TooLarge => QueueErrorKind::TooLarge,
            _ => QueueErrorKind::Unavailable,
        };
        let error = QueueError::new(kind, name, format!("{what}: {}", self.message));
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }

    /// A stored value is wrong, of one row: not the file as SQLite reads it, and nothing about other rows.
    pub(crate) fn is_about_a_value(&self) -> bool {
        let by_sqlite = self.source.as_ref().is_some_and(|source| source.sqlite_error_code().is_some());
        self.kind == SinkErrorKind::Corrupt && !by_sqlite
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let (kind, message) = match error.sqlite_error_code() {
            Some(code) => meaning(code),
            // The other errors are about values: a column of another type, a number out of range.
            None => (SinkErrorKind::Corrupt, CORRUPT),
        };
        Self { kind, message: message.to_owned(), source: Some(Arc::new(error)) }
    }
}

const CORRUPT: &str = "the file is damaged or was changed by another program: restore a backup";

fn meaning(code: ErrorCode) -> (SinkErrorKind, &'static str) {
    use SinkErrorKind::{Config, Corrupt, TooLarge, Unavailable};
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            (Unavailable, "another process holds the file's lock: try again, or raise the busy timeout")
        }
        ErrorCode::DiskFull => {
            (Unavailable, "there is no room for more: free some space, or raise the bound")
        }
        ErrorCode::SystemIoFailure => (Unavailable, "the disk failed: check it, then try again"),
        ErrorCode::OutOfMemory => (Unavailable, "there is no memory left: try again later"),
        ErrorCode::OperationInterrupted | ErrorCode::OperationAborted | ErrorCode::SchemaChanged => {
            (Unavailable, "the operation was broken off: try again")
        }
        ErrorCode::CannotOpen => {
            (Config, "the file cannot be opened: check that its directory exists and may be written to")
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            (Config, "the file may not be written to: change its permissions, or name another file")
        }
        ErrorCode::NotADatabase => (Config, "the file is not an SQLite database: name another file"),
        ErrorCode::TooBig => (TooLarge, "a value is larger than SQLite stores: make it smaller"),
        _ => (Corrupt, CORRUPT),
    }
}
