//! The Redis backend of gensx: streams, a queue and a cache on one node, behind Sentinel, or on a Cluster.
//!
//! ```no_run
//! # async fn example() -> Result<(), gensx_core::SinkError> {
//! use gensx_redis::RedisSink;
//!
//! let sink = RedisSink::connect("redis://127.0.0.1:6379").await?;
//! # drop(sink);
//! # Ok(())
//! # }
//! ```
//!
//! It needs Redis 7.0 or newer, or Valkey. `docs/redis.md` in the repository is for those who operate it: what each
//! persistence setting can lose, memory, rights, and how to look at a run with `redis-cli`.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod address;
mod alarm;
mod append;
mod backend;
mod builder;
mod cache;
mod checks;
mod clock;
mod connect;
mod error;
mod hints;
mod hub;
mod inbox;
mod index;
mod keys;
mod lane;
mod link;
mod list;
mod queue;
mod read;
mod reply;
mod rights;
mod script;
mod sink;
mod sizes;
mod store;
mod sweep;
mod thread;
mod tls;

pub use backend::backend;
pub use builder::{Checks, RedisSinkBuilder};
pub use cache::RedisCache;
pub use queue::RedisQueue;
pub use sink::RedisSink;
