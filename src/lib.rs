// Where the README's links lead from here: the first definition of a name counts.
//! [guide]: crate::_documentation::guide
//! [fleet]: crate::_documentation::fleet
//! [http]: https://github.com/gensx/gensx-rs/blob/main/docs/http.md
//! [durable-streams]: https://github.com/gensx/gensx-rs/blob/main/docs/durable-streams.md
//! [console]: https://github.com/gensx/gensx-rs/blob/main/docs/console.md
//! [workflows]: crate::_documentation::workflows
//! [design]: crate::_documentation::design
//! [events]: crate::event
//! [redis]: https://github.com/gensx/gensx-rs/blob/main/docs/redis.md
//! [testing]: https://github.com/gensx/gensx-rs/blob/main/docs/testing.md
//! [architecture]: https://github.com/gensx/gensx-rs/blob/main/ARCHITECTURE.md
//! [benches]: https://github.com/gensx/gensx-rs/blob/main/benches/README.md
//! [changelog]: https://github.com/gensx/gensx-rs/blob/main/CHANGELOG.md
//! [mit]: https://github.com/gensx/gensx-rs/blob/main/LICENSE-MIT
//! [apache]: https://github.com/gensx/gensx-rs/blob/main/LICENSE-APACHE
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

#[doc(hidden)]
pub use gensx_core::private as __private;
#[cfg(feature = "signal")]
pub use gensx_core::shutdown_signal;
#[cfg(feature = "testing")]
#[doc(inline)]
#[doc = include_str!("../docs/testing.md")]
pub use gensx_core::testing;
pub use gensx_core::{
    Backend, BoxError, Call, CallId, Classifiers, Client, Component, Current, DEFAULT_MAX_INPUT_BYTES,
    Durability, Error, ErrorKind, Event, EventId, EventKind, EventSink, Fate, IfExists, KeyChange, Limits,
    List, MAX_RETRY_AFTER, MAX_RUN_ID_BYTES, MAX_SEQ, MemoryQueue, MemorySink, OutsideRuns, QueueError,
    QueueErrorKind, Result, ResultExt, RetryPolicy, Run, RunHandle, RunId, RunQueue, RunStatus, Runtime,
    RuntimeBuilder, SinkError, SinkErrorKind, Spawned, Start, Worker, WorkerBuilder, Workflow, cache, clock,
    current, emit, emit_text, event, idempotency_key, identity, input, lease, log, now, permanent, progress,
    publish, queue, random, retry_after, sink, sleep, spawn, usage, uuid, workflow,
};
#[cfg(feature = "http")]
#[doc(inline)]
pub use gensx_http as http;
pub use gensx_macros::component;
#[cfg(feature = "redis")]
pub use gensx_redis::{RedisCache, RedisQueue, RedisSink};
#[cfg(feature = "sqlite")]
pub use gensx_sqlite::{SqliteQueue, SqliteSink};

pub mod _documentation;
mod env;

pub use env::{
    RuntimeFromEnv, SINK_VARIABLE, backend_from_env, backend_from_url, sink_from_env, sink_from_url,
};

/// What most programs use: `use gensx::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Backend, Client, Error, ErrorKind, ResultExt as _, RetryPolicy, Run, RunId, Runtime,
        RuntimeFromEnv as _, Worker, Workflow, component,
    };
}

/// Runs the examples in the reference of `#[component]`, whose own crate cannot name this one.
#[cfg(doctest)]
#[doc = include_str!("../gensx-macros/src/component.md")]
struct ComponentReference;
