use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::task::JoinHandle;

use crate::{Error, ErrorKind, Result, run::scope};

/// A task of a component: see [`spawn`]. Dropping it lets the task go on until its component ends.
///
/// # Errors
/// As a future: [`ErrorKind::Panic`] if the task panicked, [`ErrorKind::Cancelled`] if it was aborted.
#[derive(Debug)]
pub struct Spawned<T>(JoinHandle<T>);

/// Spawns a task that belongs to the component that runs here: calls that it builds are children of that component, and it is
/// aborted when the component's attempt ends. Outside a run it is `tokio::spawn`.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn search(_: &str) -> gensx::Result<Vec<String>> { Ok(vec![]) }
/// # async fn example() -> gensx::Result<()> {
/// let task = gensx::spawn(async { search("tides").await });
/// let found = task.await??;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// Outside a tokio runtime.
#[expect(clippy::disallowed_methods, reason = "this is where components spawn")]
pub fn spawn<F>(future: F) -> Spawned<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match scope::current() {
        Some(node) => {
            let beside = node.run.beside();
            let task = tokio::spawn(scope::within(std::sync::Arc::clone(&node), async move {
                let _beside = beside;
                future.await
            }));
            node.adopt(task.abort_handle());
            Spawned(task)
        }
        None => Spawned(tokio::spawn(future)),
    }
}

impl<T> Future for Spawned<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let joined = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(joined.map_err(|error| {
            let kind = if error.is_panic() { ErrorKind::Panic } else { ErrorKind::Cancelled };
            Error::of(kind, "a spawned task did not end").with_source(error)
        }))
    }
}
