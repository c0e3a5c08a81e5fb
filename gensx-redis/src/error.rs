//! What a failure of Redis means, and what to do about it.

use std::{error::Error as _, io, sync::Arc};

use gensx_core::{
    SinkError, SinkErrorKind,
    queue::{QueueError, QueueErrorKind},
};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// A failure before it is known whose it is. One failed connection is the answer to each who waits for it, hence `Clone`.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: SinkErrorKind,
    message: String,
    source: Option<RedisError>,
}

impl Failure {
    pub(crate) fn new(kind: SinkErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(SinkErrorKind::Config, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(SinkErrorKind::Unavailable, message)
    }

    /// What gensx does not write, at a place of its own.
    pub(crate) fn foreign(what: &str, key: &str) -> Self {
        let text = format!(
            "the key `{key}` holds {what}, which gensx does not write: give gensx a prefix of its own, or remove the key"
        );
        Self::new(SinkErrorKind::Corrupt, text)
    }

    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        self.kind == SinkErrorKind::Unavailable
    }

    /// Whether it is about what stands at one run's keys, and says nothing of other runs.
    pub(crate) fn is_of_one_run(&self) -> bool {
        self.kind == SinkErrorKind::Corrupt
    }

    /// What Redis says about a missing right, if it is that.
    pub(crate) fn denied(&self) -> Option<&str> {
        let error = self.source.as_ref()?;
        let denied = error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm);
        denied.then(|| error.detail().unwrap_or_default())
    }

    pub(crate) fn of_sink(self, name: &str) -> SinkError {
        let error = SinkError::new(self.kind, name, self.message);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

impl Failure {
    /// `what` says what could not be done, and for whom.
    pub(crate) fn of_queue(self, name: &str, what: &str) -> QueueError {
        let kind = match self.kind {
            SinkErrorKind::TooLarge => QueueErrorKind::TooLarge,
            SinkErrorKind::Corrupt => QueueErrorKind::Corrupt,
            SinkErrorKind::Config => QueueErrorKind::Config,
            _ => QueueErrorKind::Unavailable,
        };
        let error = QueueError::new(kind, name, format!("{what}: {}", self.message));
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let (kind, message) = if is_of_tls(&error) {
            (SinkErrorKind::Config, UNTRUSTED)
        } else if error.is_connection_dropped() && !error.is_connection_refusal() {
            (SinkErrorKind::Unavailable, ENDED)
        } else {
            meaning(error.kind(), error.code(), error.detail().unwrap_or_default())
        };
        Self { kind, message: message.to_owned(), source: Some(error) }
    }
}

/// A handshake or a message of TLS that made no sense, or was refused.
fn is_of_tls(error: &RedisError) -> bool {
    // The client shares its cause, which stands behind a pointer.
    let shared =
        error.source().and_then(|cause| cause.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>());
    let cause = shared.and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
}

const DENIED: &str =
    "the user may not do what gensx needs: give it the rights that the operator's guide lists";
const SILENT: &str = "Redis does not answer: check that it runs and that the address is right";
const ENDED: &str = "Redis ended the connection: check that it runs, and that maxclients is not reached";
const UNTRUSTED: &str = "TLS failed: check that the port speaks TLS, who signed the certificates (`tls_root`), and whether the server demands one (`tls_client`)";
const ODD: &str = "Redis answered with an error that gensx does not know: see the cause";

/// What an error means for the caller. Pure: the client's classes, the server's code and its words.
fn meaning(kind: ErrorKind, code: Option<&str>, detail: &str) -> (SinkErrorKind, &'static str) {
    use SinkErrorKind::{Config, Unavailable};
    match kind {
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => (Unavailable, SILENT),
        ErrorKind::Parse => (Unavailable, "the answer is not Redis's protocol: check the address"),
        ErrorKind::AuthenticationFailed => {
            (Config, "Redis refused the user's name or password: correct them")
        }
        ErrorKind::InvalidClientConfig | ErrorKind::Client | ErrorKind::EmptySentinelList => {
            (Config, "the address or the options are not usable: see the cause")
        }
        ErrorKind::RESP3NotSupported => (Config, TOO_OLD),
        ErrorKind::MasterNameNotFoundBySentinel => {
            (Unavailable, "the sentinels know no such master: check its name, or wait for the failover")
        }
        ErrorKind::NoValidReplicasFoundBySentinel => (Unavailable, "the sentinels know no such server"),
        ErrorKind::Server(kind) => of_server(kind, detail),
        ErrorKind::Extension => of_code(code.unwrap_or_default()),
        _ => (Unavailable, ODD),
    }
}

/// What gensx says about servers before this version.
pub(crate) const TOO_OLD: &str = "the server is older than Redis 7.0, which gensx needs: upgrade it";

fn of_server(kind: ServerErrorKind, detail: &str) -> (SinkErrorKind, &'static str) {
    use SinkErrorKind::{Config, Unavailable};
    match kind {
        ServerErrorKind::BusyLoading => {
            (Unavailable, "Redis is loading its data: wait, it goes on by itself")
        }
        ServerErrorKind::ReadOnly => (
            Unavailable,
            "the server is a replica and takes no writes: give the master's address, or Sentinel's",
        ),
        ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown => {
            (Unavailable, "a part of Redis is down: wait for the failover, or repair it")
        }
        ServerErrorKind::TryAgain => (
            Unavailable,
            "the cluster is moving the slot of these keys to another node: wait, it goes on when that is done",
        ),
        // A cluster sends to a node that is down until its replica has taken over.
        ServerErrorKind::Moved | ServerErrorKind::Ask => (
            Unavailable,
            "the node that is named for it does not answer: wait for the cluster's failover; an address of one server is to be `redis+cluster://`",
        ),
        ServerErrorKind::CrossSlot => {
            (Config, "the server is a node of a cluster: use `redis+cluster://` and name its nodes")
        }
        ServerErrorKind::NoPerm => (Config, DENIED),
        ServerErrorKind::ResponseError => of_words(detail),
        _ => (Unavailable, ODD),
    }
}

/// The errors that have the general code: only their words tell them apart.
fn of_words(detail: &str) -> (SinkErrorKind, &'static str) {
    use SinkErrorKind::{Config, Corrupt, Unavailable};
    // Inside a script Redis has no code of its own for a missing right.
    if detail.contains("The user executing the script") {
        (Config, DENIED)
    } else if detail.contains("max number of clients") {
        (Unavailable, "Redis takes no more connections: raise maxclients, or close some")
    } else if detail.contains("unknown command") {
        (Config, TOO_OLD)
    } else if detail.contains("equal or smaller than the target stream top item") {
        (Corrupt, "a stream of a run was written by something else: remove the key, or restore a backup")
    } else {
        (Unavailable, ODD)
    }
}

fn of_code(code: &str) -> (SinkErrorKind, &'static str) {
    use SinkErrorKind::{Config, Corrupt, Unavailable};
    match code {
        "OOM" => (Unavailable, "Redis has no memory left: raise maxmemory, delete runs, or set a retention"),
        "WRONGTYPE" => (
            Corrupt,
            "a key of gensx's holds another type: give gensx a prefix of its own, or remove the key",
        ),
        "NOAUTH" | "WRONGPASS" => (Config, "Redis refused the user's name or password: correct them"),
        "NOREPLICAS" => (Unavailable, "Redis has too few replicas to take writes: repair them"),
        "MISCONF" => (Unavailable, "Redis cannot save its data and takes no writes: look into its log"),
        "NOPROTO" => (Config, TOO_OLD),
        _ => (Unavailable, ODD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_says_what_it_is_for_the_caller() {
        use SinkErrorKind::{Config, Corrupt, Unavailable};
        let cases = [
            (ErrorKind::Io, None, "", Unavailable, "does not answer"),
            (ErrorKind::AuthenticationFailed, None, "", Config, "password"),
            (ErrorKind::Extension, Some("OOM"), "", Unavailable, "maxmemory"),
            (ErrorKind::Extension, Some("WRONGTYPE"), "", Corrupt, "another type"),
            (ErrorKind::Server(ServerErrorKind::NoPerm), None, "", Config, "rights"),
            (ErrorKind::Server(ServerErrorKind::ReadOnly), None, "", Unavailable, "replica"),
            (ErrorKind::Server(ServerErrorKind::BusyLoading), None, "", Unavailable, "loading"),
            (ErrorKind::Server(ServerErrorKind::Moved), None, "", Unavailable, "redis+cluster://"),
            (ErrorKind::Server(ServerErrorKind::TryAgain), None, "", Unavailable, "moving the slot"),
            (
                ErrorKind::Server(ServerErrorKind::ResponseError),
                None,
                "something new",
                Unavailable,
                "see the cause",
            ),
        ];
        for (kind, code, detail, expected, words) in cases {
            let (sort, message) = meaning(kind, code, detail);
            assert_eq!(sort, expected, "{kind:?}");
            assert!(message.contains(words), "{message}");
        }
    }
}
