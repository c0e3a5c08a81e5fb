//! The router's bounds, and what they are by default.

use std::{collections::BTreeSet, time::Duration};

use crate::protocol::Protocol;

/// The largest body of a request, in bytes: 1 MiB.
pub const DEFAULT_BODY_BYTES: usize = 1024 * 1024;
/// The most events that one page of a run holds.
pub const DEFAULT_PAGE_EVENTS: usize = 500;
/// After how long without an event an open stream gets a comment, so that nothing between takes it for dead.
pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a long-poll waits for news.
pub const DEFAULT_LONG_POLL: Duration = Duration::from_secs(30);
/// The most streams that are open at once in this process.
pub const DEFAULT_MAX_READERS: usize = 20_000;
/// How long a start that waits for its output waits before the caller is told to come back.
pub(crate) const DEFAULT_OUTPUT_WAIT: Duration = Duration::from_secs(600);
/// How long a request's body may take.
pub const DEFAULT_BODY_TIME: Duration = Duration::from_secs(30);
/// For how long a start's idempotency key counts.
pub(crate) const DEFAULT_IDEMPOTENCY: Duration = Duration::from_secs(24 * 3600);

/// What every handler may need to know.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) body_bytes: usize,
    pub(crate) body_time: Duration,
    pub(crate) page_events: usize,
    pub(crate) heartbeat: Duration,
    pub(crate) long_poll: Duration,
    pub(crate) max_readers: usize,
    pub(crate) max_stream_age: Option<Duration>,
    pub(crate) output_wait: Duration,
    pub(crate) idempotency: Duration,
    pub(crate) origins: Vec<String>,
    /// The protocols that are not spoken.
    pub(crate) silent: BTreeSet<Protocol>,
}

impl Options {
    pub(crate) fn speaks(&self, protocol: Protocol) -> bool {
        !self.silent.contains(&protocol)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_bytes: DEFAULT_BODY_BYTES,
            body_time: DEFAULT_BODY_TIME,
            page_events: DEFAULT_PAGE_EVENTS,
            heartbeat: DEFAULT_HEARTBEAT,
            long_poll: DEFAULT_LONG_POLL,
            max_readers: DEFAULT_MAX_READERS,
            max_stream_age: None,
            output_wait: DEFAULT_OUTPUT_WAIT,
            idempotency: DEFAULT_IDEMPOTENCY,
            origins: Vec::new(),
            silent: BTreeSet::new(),
        }
    }
}
