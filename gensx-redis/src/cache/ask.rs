//! What is asked of the server, one request for each method.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use gensx_core::cache::{Lead, LeadToken};
use redis::{Value, cmd};

use super::keys::CacheKeys;
use crate::{error::Failure, reply, script, store::Store};

/// How much longer or shorter than asked for an output is kept, as a part of it.
const TTL_JITTER: f64 = 0.1;
/// The longest time that is sent, in ms: what a server adds its own to, it can still count.
const MAX_MS: u64 = 1 << 52;

/// The way to the server.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) store: Arc<Store>,
}

fn ms(duration: Duration) -> u64 {
    // Redis takes no time of zero.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, MAX_MS)
}

/// Something from `low` to `high` times as long, other for each caller.
pub(super) fn jittered(duration: Duration, low: f64, high: f64) -> Duration {
    let part = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
    Duration::try_from_secs_f64(duration.as_secs_f64() * (low + (high - low) * part)).unwrap_or(duration)
}

fn kept_ms(ttl: Duration) -> u64 {
    ms(jittered(ttl, 1.0 - TTL_JITTER, 1.0 + TTL_JITTER))
}

impl Asker {
    pub(super) async fn get(&self, keys: &CacheKeys) -> Result<Option<String>, Failure> {
        let mut command = cmd("GET");
        command.arg(&keys.output);
        reply::optional_text(self.store.link.ask(command).await?)
    }

    pub(super) async fn put(&self, keys: &CacheKeys, json: &str, ttl: Duration) -> Result<(), Failure> {
        let mut command = cmd("SET");
        command.arg(&keys.output).arg(json).arg("PX").arg(kept_ms(ttl));
        self.store.link.ask(command).await.map(drop)
    }

    pub(super) async fn lead(&self, keys: &CacheKeys, lease: Duration) -> Result<Lead, Failure> {
        let token = uuid::Uuid::new_v4().simple().to_string();
        let request = script::CACHE_LEAD.on(&[&keys.output, &keys.lock], |command| {
            command.arg(&token).arg(ms(lease));
        });
        let mut words = reply::list(self.store.link.ask(request).await?)?.into_iter();
        let word = reply::text(words.next().unwrap_or(Value::Nil))?;
        match (&*word, words.next()) {
            ("HIT", Some(output)) => reply::text(output).map(Lead::Hit),
            ("LEAD", _) => Ok(Lead::Leader(LeadToken::new(token))),
            _ => Ok(Lead::Follow),
        }
    }

    pub(super) async fn renew(
        &self,
        keys: &CacheKeys,
        token: &LeadToken,
        lease: Duration,
    ) -> Result<bool, Failure> {
        let request = script::CACHE_RENEW.on(&[&keys.lock], |command| {
            command.arg(token.as_str()).arg(ms(lease));
        });
        Ok(reply::number(&self.store.link.ask(request).await?)? == 1)
    }

    pub(super) async fn fill(
        &self,
        keys: &CacheKeys,
        token: &LeadToken,
        json: &str,
        ttl: Duration,
    ) -> Result<bool, Failure> {
        let request = script::CACHE_FILL.on(&[&keys.output, &keys.lock], |command| {
            command.arg(token.as_str()).arg(json).arg(kept_ms(ttl)).arg(&keys.bell).arg(&keys.hash);
        });
        Ok(reply::number(&self.store.link.ask(request).await?)? == 1)
    }

    pub(super) async fn abandon(&self, keys: &CacheKeys, token: &LeadToken) -> Result<(), Failure> {
        let request = script::CACHE_ABANDON.on(&[&keys.lock], |command| {
            command.arg(token.as_str()).arg(&keys.bell).arg(&keys.hash);
        });
        self.store.link.ask(request).await.map(drop)
    }

    /// How long the one who computes may say nothing; `None` where nobody computes.
    pub(super) async fn lease_left(&self, keys: &CacheKeys) -> Result<Option<Duration>, Failure> {
        let mut command = cmd("PTTL");
        command.arg(&keys.lock);
        match self.store.link.ask(command).await? {
            Value::Int(left) => Ok(u64::try_from(left).ok().map(Duration::from_millis)),
            other => reply::number(&other).map(|left| Some(Duration::from_millis(left))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_a_tenth_off_at_most() {
        let kept: Vec<u64> = (0..500).map(|_| kept_ms(Duration::from_secs(10))).collect();
        assert!(kept.iter().all(|ms| (9_000..=11_000).contains(ms)), "{kept:?}");
        assert!(kept.iter().max() > kept.iter().min());
        assert_eq!((kept_ms(Duration::ZERO), kept_ms(Duration::MAX)), (1, MAX_MS));
    }
}
