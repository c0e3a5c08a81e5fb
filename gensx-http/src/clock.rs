//! The only module that reads a clock or waits.

use std::time::{Duration, Instant, SystemTime};

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// What a future gives within a time; `None` if it takes longer. The future is dropped then.
#[expect(clippy::disallowed_methods, reason = "this is the module that waits")]
pub(crate) async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(time, future).await.ok()
}

/// A moment, to measure from.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
