//! The only module of the crate that starts threads and blocking tasks.

use gensx_core::SinkErrorKind;

use crate::error::Failure;

/// Starts one of the sink's threads. It ends when the sink is dropped, which does not wait for it: a commit under way
/// may take as long as the disk does.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the module that starts threads; dropping the sink ends them"
)]
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| {
        Failure::new(
            SinkErrorKind::Unavailable,
            format!("no thread for it ({error}): end something and try again"),
        )
    })
}

/// Runs a short query off the async threads.
#[expect(
    clippy::disallowed_methods,
    reason = "a query is short and ends by itself, and the number at once is bounded"
)]
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Err(Failure::new(SinkErrorKind::Config, "it must be used inside a tokio runtime"));
    };
    runtime.spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Failure::new(SinkErrorKind::Unavailable, format!("a read was broken off ({error}): repeat it")))
    })
}
