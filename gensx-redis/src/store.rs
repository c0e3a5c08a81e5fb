//! What the sink's parts share.

use std::sync::Arc;

use crate::{hints::Hints, keys::Keys, link::Link, sizes::Sizes};

/// The runs on one Redis, under one prefix.
pub(crate) struct Store {
    pub(crate) keys: Keys,
    pub(crate) link: Arc<Link>,
    pub(crate) hints: Hints,
    pub(crate) sizes: Sizes,
    /// How long a run is kept after its end; for ever if not set.
    pub(crate) retention_ms: Option<u64>,
}

impl Store {
    pub(crate) fn new(keys: Keys, link: Arc<Link>, retention_ms: Option<u64>) -> Self {
        Self { keys, link, hints: Hints::default(), sizes: Sizes::default(), retention_ms }
    }

    /// The same runs, with nothing learned about them yet.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.keys.clone(), Arc::clone(&self.link), self.retention_ms)
    }

    /// The command that rings on a run's channel. In a cluster only the nodes of the run's slot need to hear it.
    pub(crate) fn publish(&self) -> &'static str {
        if self.link.server().is_cluster() { "SPUBLISH" } else { "PUBLISH" }
    }
}
