//! What the operating system says. The only place that may end the process.

use futures_util::future::select;

use crate::io;

/// Waits for the first SIGTERM or Ctrl-C, for [`Worker::run_until`](super::Worker::run_until). From then on a second
/// one ends the process at once, with status 130.
///
/// The signals are watched from the first poll on, instead of ending the process.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example(worker: gensx::Worker) -> gensx::Result<()> {
/// worker.run_until(gensx::shutdown_signal()).await
/// # }
/// ```
///
/// # Cancel safety
/// Dropped after its first poll, the process still does not end at the first signal.
pub async fn shutdown_signal() {
    one().await;
    tracing::info!("a signal to end: the worker drains; a second one ends the process now");
    io::spawn(async {
        one().await;
        exit_now();
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever sends a second signal wants no destructor to be waited for"
)]
fn exit_now() -> ! {
    std::process::exit(130)
}

#[cfg(unix)]
async fn one() {
    use tokio::signal::unix::{SignalKind, signal};

    let ctrl_c = Box::pin(tokio::signal::ctrl_c());
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            let _ = select(Box::pin(terminate.recv()), ctrl_c).await;
        }
        Err(error) => {
            tracing::warn!(error = %error, "SIGTERM cannot be watched, Ctrl-C can");
            let _ = ctrl_c.await;
        }
    }
}

#[cfg(not(unix))]
async fn one() {
    let _ = tokio::signal::ctrl_c().await;
}
