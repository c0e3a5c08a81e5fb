//! A thread for the library's own I/O: what must go on when a component blocks every thread of the application.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle};

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
