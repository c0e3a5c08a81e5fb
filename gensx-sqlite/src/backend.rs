use std::{path::PathBuf, sync::Arc};

use gensx_core::{Backend, SinkError};

use crate::SqliteSink;

/// Opens a file with default options, and gives the sink and the queue in it: what the workers of one machine need, in one
/// process or several. For other options use [`SqliteSink::builder`] and [`SqliteSink::queue`].
///
/// ```
/// # let runtime = tokio::runtime::Runtime::new().unwrap();
/// # runtime.block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("gensx.db");
/// let backend = gensx_sqlite::backend(&file).await?;
/// let client = gensx_core::Client::new(backend);
/// # drop(client);
/// # Ok::<(), gensx_core::SinkError>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// As [`SqliteSinkBuilder::open`](crate::SqliteSinkBuilder::open).
pub async fn backend(path: impl Into<PathBuf>) -> Result<Backend, SinkError> {
    let sink = SqliteSink::open(path).await?;
    let queue = sink.queue();
    Ok(Backend::new(Arc::new(sink), Arc::new(queue)))
}
