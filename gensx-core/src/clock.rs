//! The only module that reads a clock or sleeps.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    time::{Duration, Instant, SystemTime},
};

/// A future that owns what it needs.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Milliseconds since 1970, by this machine.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A moment of real time: for work on servers, never for what a run waits for.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Sleeps in real time: for work on servers, never for what a run waits for.
#[expect(clippy::disallowed_methods, reason = "this is the module that sleeps")]
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Time as runs see it: backoffs, timeouts and `gensx::sleep` go by it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Time that has passed since the clock was made. It never goes back.
    fn elapsed(&self) -> Duration;

    /// Waits until `duration` has passed. Dropping the future ends the wait.
    fn sleep(&self, duration: Duration) -> BoxFuture<()>;

    /// Told when a run begins to do something: a clock that skips idle time learns from it what idle is.
    fn active(&self) {}

    /// Told when that run has nothing more to do for now: once for each [`active`](Self::active).
    fn rests(&self) {}
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        Box::pin(sleep(duration))
    }
}
