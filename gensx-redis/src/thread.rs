//! The one thread that talks to Redis, for all sinks of the process: appending goes on when a component blocks its own.

use std::{future::pending, sync::OnceLock};

use futures_util::FutureExt as _;
use gensx_core::SinkErrorKind;
use tokio::runtime::{Builder, Handle};

use crate::error::Failure;

/// Runs `work` on the thread and gives its result. Dropped, the work goes on.
#[expect(clippy::disallowed_methods, reason = "what is asked of Redis ends by its own time limit")]
pub(crate) fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> impl Future<Output = Result<T, Failure>> + Send {
    // The types of the client's futures are nested deeper than the compiler follows inside those of an application.
    let work = work.boxed();
    async move {
        let done = handle()?.spawn(work).await;
        done.unwrap_or_else(|error| {
            Err(Failure::unavailable(format!("the request was broken off ({error})")))
        })
    }
}

/// Runs `work` on the thread for as long as it takes.
#[expect(
    clippy::disallowed_methods,
    reason = "the hub's task, which ends with its sink, and its short reads"
)]
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Result<(), Failure> {
    handle()?.spawn(work);
    Ok(())
}

fn handle() -> Result<&'static Handle, Failure> {
    static THREAD: OnceLock<Result<Handle, String>> = OnceLock::new();
    THREAD.get_or_init(|| start().map_err(|error| error.to_string())).as_ref().map_err(|error| {
        let text = format!("no thread for it ({error}): end something and start again");
        Failure::new(SinkErrorKind::Unavailable, text)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the module that starts the thread, once for the process"
)]
fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let serve = move || runtime.block_on(pending::<()>());
    std::thread::Builder::new().name("gensx-redis".to_owned()).spawn(serve)?;
    Ok(handle)
}
