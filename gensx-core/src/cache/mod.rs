//! Outputs kept across runs.

mod flight;
mod memory;

use std::time::Duration;

use async_trait::async_trait;

pub(crate) use flight::{Flight, Flights, Watch};
pub use memory::{DEFAULT_CACHE_BYTES, MemoryCache};

/// A store of outputs by key. It is only an optimisation: a failure is a miss, which the backend logs. Its futures may be
/// dropped at any time.
#[async_trait]
pub trait Cache: std::fmt::Debug + Send + Sync + 'static {
    /// The JSON under `key`, unless it has expired.
    async fn get(&self, key: &str) -> Option<String>;

    /// Keeps `json` under `key` for `ttl`.
    async fn put(&self, key: &str, json: &str, ttl: Duration);
}
