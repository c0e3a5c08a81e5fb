//! The core of gensx: components, workflows, runs and events, and the traits that backends implement.
//!
//! Applications use the crate `gensx`, which re-exports this one. Backends depend on this crate alone.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod ambient;
mod backend;
pub mod cache;
mod call;
mod client;
pub mod clock;
mod component;
mod error;
pub mod event;
mod id;
pub mod identity;
mod io;
pub mod lease;
mod listing;
#[doc(hidden)]
pub mod private;
pub mod queue;
mod retry;
mod run;
mod runtime;
pub mod sink;
#[cfg(feature = "testing")]
pub mod testing;
mod worker;
pub mod workflow;

pub use ambient::{
    Current, Spawned, current, emit, emit_text, idempotency_key, input, log, now, progress, publish, random,
    sleep, spawn, usage, uuid,
};
pub use backend::Backend;
pub use call::Call;
pub use client::{Client, DEFAULT_MAX_INPUT_BYTES, RunHandle, Start};
pub use component::{Component, Durability, KeyChange};
pub use error::{BoxError, Classifiers, Error, ErrorKind, Fate, Result, ResultExt, permanent, retry_after};
pub use event::{Event, EventKind, RunStatus};
pub use id::{EventId, MAX_RUN_ID_BYTES, MAX_SEQ, RunId};
pub use identity::CallId;
pub use listing::List;
pub use queue::{MemoryQueue, QueueError, QueueErrorKind, RunQueue};
pub use retry::{MAX_RETRY_AFTER, RetryPolicy};
pub use runtime::{IfExists, Limits, OutsideRuns, Run, Runtime, RuntimeBuilder};
pub use sink::{EventSink, MemorySink, SinkError, SinkErrorKind};
#[cfg(feature = "signal")]
pub use worker::shutdown_signal;
pub use worker::{Worker, WorkerBuilder};
pub use workflow::Workflow;
