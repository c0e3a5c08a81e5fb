//! The core of gensx: components, workflows, runs and events, and the traits that backends implement.
//!
//! Applications use the crate `gensx`, which re-exports this one. Backends depend on this crate alone.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod clock;
mod error;
pub mod event;
mod id;
pub mod identity;
pub mod sink;

pub use error::{BoxError, Classifiers, Error, ErrorKind, Fate, Result, ResultExt, permanent, retry_after};
pub use event::{Event, EventKind, RunStatus};
pub use id::{EventId, MAX_RUN_ID_BYTES, MAX_SEQ, RunId};
pub use identity::CallId;
pub use sink::{EventSink, MemorySink, SinkError, SinkErrorKind};
