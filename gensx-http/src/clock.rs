//! The only module that reads a clock or waits.

use std::time::{Duration, Instant, SystemTime};

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Milliseconds since 1970.
#[cfg(feature = "durable-write")]
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
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
