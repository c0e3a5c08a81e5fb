//! What a sink does besides: it takes runs from the lists whose streams have expired, in small steps.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{clock, error::Failure, store::Store, thread};

/// Between two looks. Every process looks; that which comes later finds nothing.
const INTERVAL: Duration = Duration::from_secs(30);
/// Runs that one look takes from each shard of the lists.
const STEP_RUNS: usize = 256;

pub(crate) fn start(store: &Arc<Store>) -> Result<(), Failure> {
    let store = Arc::downgrade(store);
    thread::spawn(sweep(store))
}

/// Ends with the sink.
async fn sweep(store: Weak<Store>) {
    while let Some(store) = store.upgrade() {
        if let Err(failure) = store.sweep(STEP_RUNS).await {
            // Nothing waits for it, and it is tried again.
            tracing::debug!(error = ?failure, "the lists of runs were not swept");
        }
        drop(store);
        clock::sleep(INTERVAL).await;
    }
}
