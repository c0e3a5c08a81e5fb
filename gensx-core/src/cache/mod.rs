//! Outputs kept across runs.

pub mod conformance;
mod desk;
mod flight;
mod lead;
mod memory;

use std::time::Duration;

use async_trait::async_trait;

pub(crate) use desk::{Desk, Looked};
pub(crate) use flight::{Flight, Flights, Watch};
pub(crate) use lead::Leadership;
pub use lead::{Lead, LeadToken};
pub use memory::{DEFAULT_CACHE_BYTES, MemoryCache};

/// The longest that one call to a cache may hold a component up; what takes longer is a miss, or is not kept.
pub const MAX_CACHE_ANSWER: Duration = Duration::from_secs(2);

/// A store of outputs by key. It is only an optimisation: a failure is a miss, which the backend logs. Its futures may be
/// dropped at any time: what was asked for may then be done or not. None takes longer than [`MAX_CACHE_ANSWER`] to be of use.
///
/// A cache that several processes share can also see to it that one of them computes while the others wait: with
/// [`lead`](Self::lead) and what comes after it here. One that does not has nothing to implement but `get` and `put`.
///
/// [`conformance`] has a case for each numbered clause.
#[async_trait]
pub trait Cache: std::fmt::Debug + Send + Sync + 'static {
    /// The JSON under `key`, unless it has expired.
    ///
    /// - **G1** `None` for a key that nothing was kept under; keys are any text, and none is taken for another.
    /// - **G2** Byte for byte what was kept.
    async fn get(&self, key: &str) -> Option<String>;

    /// Keeps `json` under `key` for `ttl`.
    ///
    /// - **P1** It replaces what was kept before, whoever leads.
    /// - **P2** After `ttl`, and a tenth of it at most, it is gone.
    async fn put(&self, key: &str, json: &str, ttl: Duration);

    /// Asks for the JSON under `key`, and if there is none, for the right to compute it, for as long as `lease`.
    ///
    /// - **L1** [`Lead::Hit`] with what is kept; nobody leads then.
    /// - **L2** Of any number who ask at once, in any process, one is told [`Lead::Leader`], and the others [`Lead::Follow`].
    /// - **L3** When the lease is over, the next who asks leads.
    /// - **L4** A cache that has no such right, or cannot tell now, answers [`Lead::Alone`].
    async fn lead(&self, key: &str, lease: Duration) -> Lead {
        let _ = lease;
        self.get(key).await.map_or(Lead::Alone, Lead::Hit)
    }

    /// Prolongs the right to compute to `lease` from now.
    ///
    /// - **N1** `false` if it was lost, and nothing is changed then.
    async fn renew(&self, key: &str, token: &LeadToken, lease: Duration) -> bool {
        let _ = (key, token, lease);
        false
    }

    /// Keeps what a leader has computed, and gives the right back.
    ///
    /// - **F1** From then on it is a hit.
    /// - **F2** `false` if the right was lost: then nothing is kept, and what another one kept or computes stays as it is.
    async fn fill(&self, key: &str, token: &LeadToken, json: &str, ttl: Duration) -> bool {
        let _ = (key, token, json, ttl);
        false
    }

    /// Gives the right back without an output.
    ///
    /// - **A1** The next who asks leads at once.
    /// - **A2** From one who lost the right it changes nothing.
    async fn abandon(&self, key: &str, token: &LeadToken) {
        let _ = (key, token);
    }

    /// Waits until it may be of use to ask again. It is a hint: it may end early, and whoever follows asks again.
    ///
    /// - **W1** It ends soon after the leader fills or abandons, also when that came first.
    /// - **W2** It ends within [`MAX_CACHE_ANSWER`], whatever happens.
    async fn wait(&self, key: &str) {
        let _ = key;
    }
}
