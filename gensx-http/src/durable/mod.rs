//! The read side of [Durable Streams](https://github.com/durable-streams/durable-streams) 1.0, as a superset that browsers'
//! `EventSource` understands.
//!
//! A run's events are one such stream, at `/runs/{id}/events`. This module speaks the protocol for any [`StreamStore`].
//!
//! - `GET` without more gives what follows `offset`, a page of it.
//! - With `live=long-poll` it waits for news at the end.
//! - With `live=sse`, or where the request accepts `text/event-stream`, it stays open: a `data` event holds what came, and a
//!   `control` event says where the reader now stands. Both have that offset as their id, so that a browser that comes back
//!   with `Last-Event-ID` goes on from there. At the end of a stream that is closed it is answered 204, and stays away.
//! - `HEAD` says where the stream stands.
//!
//! An answer may be cut anywhere: a reader takes what is complete, and goes on behind it. The `id` is the last line of each
//! event, because some readers go on from an id as soon as they have read it.
//!
//! The write side is not part of the API plane: a run is written by its owner alone. For other streams, and for the protocol's
//! own conformance suite, it is there with the feature `durable-write`: a `WritableStore`, `MemoryStreams` and a
//! `WritableRouter`, with everything but forks and subscriptions.

mod ask;
mod catch_up;
mod content;
mod cursor;
#[cfg(all(test, feature = "durable-write"))]
mod cuts;
mod headers;
mod long_poll;
mod serve;
mod sse;
mod store;
#[cfg(feature = "durable-write")]
mod write;

pub(crate) use serve::{Limits, Reading, serve};
pub use store::{Cacheable, Chunk, Chunks, Offset, Start, Stat, StoreError, StreamStore};
#[cfg(feature = "durable-write")]
pub use write::{
    Append, Appended, Create, Created, Lifetime, MemoryStreams, Producer, WritableRouter, WritableStore,
    WriteError,
};
