//! Who computes, where several processes share a cache.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use super::{Cache, Watch, desk::answer};
use crate::{clock, io};

/// How long a leader that says nothing is waited for. It is renewed at every third of it, so that it may fail to be once.
pub(super) const LEASE: Duration = Duration::from_secs(6);
const RENEWALS_PER_LEASE: u32 = 3;
/// How often a lease is renewed: half an hour. A computation that has not ended by then holds no other up.
const MAX_RENEWALS: u32 = 900;

/// What a cache says to one who asks for an output and could compute it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lead {
    /// The JSON that is kept.
    Hit(String),
    /// Compute it, then [`fill`](Cache::fill) or [`abandon`](Cache::abandon). Others wait meanwhile.
    Leader(LeadToken),
    /// Somebody else computes it: [`wait`](Cache::wait), and ask again.
    Follow,
    /// Compute it, and [`put`](Cache::put) it. Nobody waits.
    Alone,
}

/// What a cache knows a leader by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LeadToken(String);

impl LeadToken {
    /// A token that the cache has made; no two leaders have the same.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token as the cache made it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LeadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LeadToken").field(&self.0).finish()
    }
}

/// The right to compute, renewed until it is dropped, and given back then.
pub(crate) struct Leadership {
    cache: Arc<dyn Cache>,
    key: String,
    token: LeadToken,
    state: State,
}

enum State {
    /// The renewals end when the sender is dropped.
    Leads {
        _renewals: oneshot::Sender<()>,
    },
    Filled,
}

impl Leadership {
    pub(super) fn begin(cache: Arc<dyn Cache>, key: String, token: LeadToken, watch: Arc<Watch>) -> Self {
        let (renewals, over) = oneshot::channel();
        // On the library's own thread: a component that blocks all of the application's goes on leading.
        io::spawn(renew(Arc::clone(&cache), key.clone(), token.clone(), watch, over));
        Self { cache, key, token, state: State::Leads { _renewals: renewals } }
    }

    /// Keeps the output, unless somebody else leads by now.
    pub(crate) async fn fill(mut self, json: &str, ttl: Duration) {
        match answer(self.cache.fill(&self.key, &self.token, json, ttl)).await {
            Some(true) => self.state = State::Filled,
            Some(false) => {
                tracing::debug!(key = self.key, "an output came too late for the cache, or does not fit it");
            }
            None => {}
        }
    }
}

impl Drop for Leadership {
    /// Whatever ended the computation, others need not wait for the lease to run out.
    fn drop(&mut self) {
        if let State::Leads { .. } = std::mem::replace(&mut self.state, State::Filled) {
            let (cache, key, token) = (Arc::clone(&self.cache), self.key.clone(), self.token.clone());
            io::spawn(async move {
                let _ = answer(cache.abandon(&key, &token)).await;
            });
        }
    }
}

/// Renews until the computation is over, the right is lost, or nobody polls the computation any more: it may be kept by the
/// very task that waits for another call like it.
async fn renew(
    cache: Arc<dyn Cache>,
    key: String,
    token: LeadToken,
    watch: Arc<Watch>,
    mut over: oneshot::Receiver<()>,
) {
    let mut stalls = Box::pin(async move { watch.stalls().await });
    for _ in 0..MAX_RENEWALS {
        let due = Box::pin(clock::sleep(LEASE / RENEWALS_PER_LEASE));
        let ended = select(&mut over, &mut stalls);
        if let Either::Left(_) = select(ended, due).await {
            return;
        }
        // One that is not answered is tried again: two more fit into the lease.
        if answer(cache.renew(&key, &token, LEASE)).await == Some(false) {
            return;
        }
    }
}
