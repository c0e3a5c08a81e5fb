//! The write side of the protocol, for tests and for other streams than runs'. A run is written by its owner alone.

mod ask;
mod memory;
mod record;
mod router;
mod store;

pub use memory::MemoryStreams;
pub use router::WritableRouter;
pub use store::{Append, Appended, Create, Created, Lifetime, Producer, WritableStore, WriteError};
