//! What calls ask of a runtime's cache, within bounds. The calls of one process have agreed who of them asks.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};

use super::{Cache, Lead, Leadership, MAX_CACHE_ANSWER, Watch, lead::LEASE};
use crate::{clock, identity::Fingerprint, io};

/// The longest that a call follows others before it computes by itself, however many lead before it and fail.
const MAX_FOLLOW: Duration = Duration::from_secs(30 * 60);

/// A cache, and whether it answers.
pub(crate) struct Desk {
    cache: Arc<dyn Cache>,
    /// It was logged that the cache does not answer.
    silent: AtomicBool,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// What a call is to do.
pub(crate) enum Looked {
    Hit(String),
    /// `None`: nobody waits for it.
    Compute(Option<Leadership>),
}

impl Desk {
    pub(crate) fn new(cache: Arc<dyn Cache>) -> Self {
        Self { cache, silent: AtomicBool::new(false) }
    }

    /// Asks for an output. `follow`: others are waited for who compute it.
    pub(crate) async fn look(&self, key: Fingerprint, follow: bool, watch: &Arc<Watch>) -> Looked {
        let key = key.to_string();
        if follow {
            return self.ask(&key, watch).await;
        }
        let json = self.answered(self.cache.get(&key)).await.flatten();
        json.map_or(Looked::Compute(None), Looked::Hit)
    }

    async fn ask(&self, key: &str, watch: &Arc<Watch>) -> Looked {
        let since = clock::now();
        while clock::now().saturating_duration_since(since) < MAX_FOLLOW {
            match self.answered(self.cache.lead(key, LEASE)).await {
                Some(Lead::Hit(json)) => return Looked::Hit(json),
                Some(Lead::Leader(token)) => {
                    let cache = Arc::clone(&self.cache);
                    let lead = Leadership::begin(cache, key.to_owned(), token, Arc::clone(watch));
                    return Looked::Compute(Some(lead));
                }
                Some(Lead::Follow) => {
                    // What takes longer than it may is asked again like what ends.
                    let _ = answer(self.cache.wait(key)).await;
                    // Were a cache to say at once that it may be of use, others are to run, too.
                    tokio::task::yield_now().await;
                }
                Some(Lead::Alone) | None => break,
            }
        }
        Looked::Compute(None)
    }

    /// Keeps an output that nobody waits for.
    pub(crate) async fn put(&self, key: Fingerprint, json: &str, ttl: Duration) {
        let key = key.to_string();
        self.answered(self.cache.put(&key, json, ttl)).await;
    }

    async fn answered<T>(&self, question: impl Future<Output = T>) -> Option<T> {
        let answer = answer(question).await;
        let silent = answer.is_none();
        if self.silent.swap(silent, Ordering::Relaxed) != silent && silent {
            tracing::warn!(
                cache = ?self.cache,
                "the cache does not answer within {MAX_CACHE_ANSWER:?}: components are computed without it"
            );
        }
        answer
    }
}

/// What a cache answers within its time.
pub(super) async fn answer<T>(question: impl Future<Output = T>) -> Option<T> {
    match select(pin!(question), pin!(io::sleep(MAX_CACHE_ANSWER))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}
