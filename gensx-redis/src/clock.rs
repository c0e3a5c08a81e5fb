//! The only module of the crate that reads a clock or waits. All of it runs on the crate's own thread, so that a clock that a
//! test of the application has paused does not end its requests.

use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the module that waits")]
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// `None` when `work` takes longer than `limit`; it is dropped then.
#[expect(clippy::disallowed_methods, reason = "this is the module that waits")]
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}
