use std::sync::Arc;

use gensx_core::{Backend, SinkError};

use crate::RedisSink;

/// Connects with default options, and gives the sink and the queue over the same connections: what a fleet of workers
/// needs. The address is one of the forms of [`RedisSink::connect`]; for other options use [`RedisSink::builder`] and
/// [`RedisSink::queue`].
///
/// ```no_run
/// # async fn example() -> Result<(), gensx_core::SinkError> {
/// let backend = gensx_redis::backend("redis://127.0.0.1:6379").await?;
/// let client = gensx_core::Client::new(backend);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`RedisSinkBuilder::connect`](crate::RedisSinkBuilder::connect).
///
/// # Cancel safety
/// Dropping the future leaves nothing behind but keys of a probe, which expire within a minute.
pub async fn backend(url: &str) -> Result<Backend, SinkError> {
    let sink = RedisSink::connect(url).await?;
    let queue = sink.queue();
    Ok(Backend::new(Arc::new(sink), Arc::new(queue)))
}
