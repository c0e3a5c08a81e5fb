//! The embedded backend of gensx: one SQLite file, several processes, no server.
//!
//! ```
//! # let runtime = tokio::runtime::Runtime::new().unwrap();
//! # runtime.block_on(async {
//! use gensx_core::{EventSink as _, sink::RunFilter};
//! use gensx_sqlite::SqliteSink;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("gensx.db");
//! let sink = SqliteSink::open(&file).await?;
//! assert!(sink.list(&RunFilter::new().unfinished(), None, 10).await?.runs.is_empty());
//! # Ok::<(), gensx_core::SinkError>(())
//! # }).unwrap();
//! ```
//!
//! Runs that wait for workers are queued in the same file: [`backend`], or [`SqliteSink::queue`].
//!
//! The file is in WAL mode, with two more files beside it (`-wal`, `-shm`) while it is open. It must be on a local
//! disk: WAL needs shared memory, which network file systems do not give. It can be looked into with `sqlite3`.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod append;
mod backend;
mod builder;
mod changes;
mod chores;
mod clock;
mod error;
mod file;
mod follow;
mod frames;
mod hub;
mod inbox;
mod queue;
mod read;
mod readers;
mod sink;
mod sql;
mod threads;
mod writer;

pub use backend::backend;
pub use builder::{SqliteSinkBuilder, Synchronous};
pub use queue::SqliteQueue;
pub use sink::SqliteSink;
