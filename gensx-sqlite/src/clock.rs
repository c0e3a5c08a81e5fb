//! The only module of the crate that reads a clock or sleeps.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime},
};

/// The latest time that was told in this process: the machine's clock may be set back.
static LATEST_MS: AtomicU64 = AtomicU64::new(0);

/// Milliseconds since 1970, never less than before. The processes that share a file share a machine, and so its clock.
pub(crate) fn unix_ms() -> u64 {
    let now = machine_ms();
    LATEST_MS.fetch_max(now, Ordering::Relaxed).max(now)
}

/// What the machine's clock says, the same to each of its processes: milliseconds since 1970, and sometimes less than before.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn machine_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Holds up the thread: only for threads of the sink's own.
#[expect(clippy::disallowed_methods, reason = "this is the module that sleeps")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
