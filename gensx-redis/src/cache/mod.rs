//! Outputs that processes share, and who of them computes: [`Cache`] on Redis.
//!
//! An output and its lock are two keys in one slot, and every change is one short script, so that a leader that comes too late
//! is refused by the server. It is only an optimisation: what Redis cannot do at once is not done.

mod ask;
mod health;
mod keys;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use gensx_core::cache::{Cache, Lead, LeadToken};

use self::{
    ask::Asker,
    health::{Health, MAX_ANSWER},
    keys::CacheKeys,
};
use crate::{clock, error::Failure, hub::Hub, store::Store, thread};

/// The largest output that is kept, in bytes of JSON. A larger one would hold up everything else that a server does.
pub(crate) const MAX_OUTPUT_BYTES: usize = 1 << 20;
/// The longest wait for a doorbell, and the longest where none can be heard.
const MAX_WAIT: Duration = Duration::from_secs(1);
const MAX_DEAF_WAIT: Duration = Duration::from_millis(50);

/// A cache that all processes on one Redis share, over the connections of the [`RedisSink`](crate::RedisSink) that
/// [gave](crate::RedisSink::cache) it. Identical calls in flight at once, in any number of processes, are computed once.
///
/// Whatever is wrong with Redis, components are computed as if there were no cache: an answer is waited for no longer than a
/// second, and after a failure Redis is left alone for a second.
///
/// - An output of more than 1 MiB of JSON is not kept.
/// - It is kept for its TTL, up to a tenth more or less, so that what was computed together is not computed anew together.
/// - Keys are hashed: neither names nor inputs of components are in the names of keys. Outputs are kept as they are.
///
/// # Cancel safety
/// Every future may be dropped: what was asked for may then be done or not.
pub struct RedisCache {
    name: String,
    asker: Asker,
    hub: Arc<Hub>,
    health: Health,
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RedisCache {
    pub(crate) fn new(name: String, store: Arc<Store>, hub: Arc<Hub>) -> Self {
        Self { asker: Asker { store }, hub, health: Health::new(name.clone()), name }
    }

    /// Asks Redis on the thread that is for it, unless it has just failed. `None`: no answer in time.
    async fn ask<T, F>(&self, key: &str, ask: impl FnOnce(Asker, CacheKeys) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        if self.health.rests(clock::now()) {
            return None;
        }
        let work = ask(self.asker.clone(), CacheKeys::new(&self.asker.store.keys, key));
        let answer = thread::run(async move {
            // The request itself goes on: that it is not answered says something of its connection.
            clock::within(MAX_ANSWER, thread::run(work)).await.unwrap_or_else(|| {
                Err(Failure::unavailable(format!("Redis did not answer within {MAX_ANSWER:?}")))
            })
        });
        match answer.await {
            Ok(answer) => {
                self.health.answered();
                Some(answer)
            }
            Err(failure) => {
                self.health.failed(failure, clock::now());
                None
            }
        }
    }

    /// Whether an output may be kept.
    fn fits(&self, json: &str) -> bool {
        let fits = json.len() <= MAX_OUTPUT_BYTES;
        if !fits {
            tracing::debug!(
                cache = self.name,
                bytes = json.len(),
                "an output is too large for the cache, which takes {MAX_OUTPUT_BYTES} bytes"
            );
        }
        fits
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Option<String> {
        self.ask(key, async move |asker: Asker, keys| asker.get(&keys).await).await.flatten()
    }

    async fn put(&self, key: &str, json: &str, ttl: Duration) {
        if self.fits(json) {
            let json = json.to_owned();
            self.ask(key, async move |asker: Asker, keys| asker.put(&keys, &json, ttl).await).await;
        }
    }

    async fn lead(&self, key: &str, lease: Duration) -> Lead {
        let led = self.ask(key, async move |asker: Asker, keys| asker.lead(&keys, lease).await).await;
        led.unwrap_or(Lead::Alone)
    }

    async fn renew(&self, key: &str, token: &LeadToken, lease: Duration) -> bool {
        let token = token.clone();
        let renewed = self.ask(key, async move |asker: Asker, keys| asker.renew(&keys, &token, lease).await);
        // What is not known may go on: the lease runs out by itself.
        renewed.await.unwrap_or(true)
    }

    async fn fill(&self, key: &str, token: &LeadToken, json: &str, ttl: Duration) -> bool {
        if !self.fits(json) {
            return false;
        }
        let (token, json) = (token.clone(), json.to_owned());
        let filled =
            self.ask(key, async move |asker: Asker, keys| asker.fill(&keys, &token, &json, ttl).await);
        filled.await.unwrap_or(false)
    }

    async fn abandon(&self, key: &str, token: &LeadToken) {
        let token = token.clone();
        self.ask(key, async move |asker: Asker, keys| asker.abandon(&keys, &token).await).await;
    }

    async fn wait(&self, key: &str) {
        let keys = CacheKeys::new(&self.asker.store.keys, key);
        // Listened to first: what is let go of from here on rings.
        let mut listener = self.hub.await_output(&keys.hash);
        let left = self.ask(key, async move |asker: Asker, keys| asker.lease_left(&keys).await).await;
        let Some(Some(left)) = left else { return };
        let longest = if listener.is_heard() { MAX_WAIT } else { MAX_DEAF_WAIT };
        let wait = ask::jittered(longest, 0.5, 1.0).min(left);
        let rung = async move {
            clock::within(wait, listener.rung()).await;
            Ok(())
        };
        drop(thread::run(rung).await);
    }
}
