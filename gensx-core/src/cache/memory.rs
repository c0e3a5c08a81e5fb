use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use moka::Expiry;

use super::Cache;

/// The most bytes of JSON that the default cache holds.
pub const DEFAULT_CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// A cache in this process, bounded in bytes; what is used least goes first.
#[derive(Clone, Debug)]
pub struct MemoryCache(moka::future::Cache<String, Entry>);

#[derive(Clone, Debug)]
struct Entry {
    json: Arc<str>,
    ttl: Duration,
}

struct ByEntry;

impl Expiry<String, Entry> for ByEntry {
    fn expire_after_create(&self, _: &String, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &String,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CACHE_BYTES)
    }
}

impl MemoryCache {
    /// A cache of at most `bytes` of JSON.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> Self {
        let weigh =
            |key: &String, entry: &Entry| u32::try_from(key.len() + entry.json.len()).unwrap_or(u32::MAX);
        Self(moka::future::Cache::builder().max_capacity(bytes).weigher(weigh).expire_after(ByEntry).build())
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).await.map(|entry| entry.json.to_string())
    }

    async fn put(&self, key: &str, json: &str, ttl: Duration) {
        self.0.insert(key.to_owned(), Entry { json: json.into(), ttl }).await;
    }
}
