//! A thread for the library's own I/O: what must go on when a component blocks every thread of the application.

use std::{pin::pin, sync::OnceLock, time::Duration};

use futures_util::future::select;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::clock;

/// Runs a task of the library's own.
#[expect(clippy::disallowed_methods, reason = "this is the module that spawns the library's own tasks")]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    handle().spawn(task);
}

/// The handle of a runtime that runs nothing but the library's own short tasks; made at the first use.
///
/// # Panics
/// If the process can start no thread.
#[expect(clippy::disallowed_methods, reason = "this is the module that starts the thread")]
#[expect(clippy::expect_used, reason = "a process that can start no thread cannot run anything")]
fn handle() -> &'static Handle {
    static IO: OnceLock<Handle> = OnceLock::new();
    IO.get_or_init(|| {
        let runtime =
            Builder::new_current_thread().enable_all().build().expect("a runtime for gensx's own I/O");
        let handle = runtime.handle().clone();
        let run = move || runtime.block_on(std::future::pending::<()>());
        std::thread::Builder::new()
            .name("gensx-io".to_owned())
            .spawn(run)
            .expect("a thread for gensx's own I/O");
        handle
    })
}

/// Sleeps by the clock of the library's own thread, which no test pauses, nor a busy application delays. Nothing is begun
/// before the first poll.
pub(crate) async fn sleep(duration: Duration) {
    let (done, mut over) = oneshot::channel::<()>();
    spawn(async move {
        let mut done = done;
        // Whoever slept may have ended earlier.
        let _ = select(pin!(clock::sleep(duration)), pin!(done.closed())).await;
    });
    // An error says that the other side is gone: the time is over.
    let _ = (&mut over).await;
}
