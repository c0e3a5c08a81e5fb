//! What reads have learned about runs' epochs. Readers name a position, streams are found by epoch and position.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use gensx_core::{RunId, sink::Entry};

/// Runs that are remembered; beyond it, all are forgotten.
const MAX_RUNS: usize = 4_096;
/// Epochs of one run that are remembered; beyond it, all of the run's are forgotten.
const MAX_EPOCHS: usize = 64;

/// Only a hint: it may be missing, and it may be wrong after a failover.
#[derive(Debug, Default)]
pub(crate) struct Hints(Mutex<HashMap<RunId, Epochs>>);

/// Each epoch by the lowest position that was seen of it.
type Epochs = BTreeMap<u64, u32>;

impl Hints {
    /// The epoch that the event at `position` is likely of.
    pub(crate) fn epoch(&self, run: &RunId, position: u64) -> u32 {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let epochs = runs.get(run);
        epochs.and_then(|epochs| epochs.range(..=position).next_back()).map_or(1, |(_, epoch)| *epoch)
    }

    /// Learns from a page. Nothing is kept of runs that are in their first epoch, as most are.
    pub(crate) fn learn(&self, run: &RunId, page: &[Entry]) {
        if page.last().is_none_or(|entry| entry.id.epoch == 1) {
            return;
        }
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= MAX_RUNS && !runs.contains_key(run) {
            runs.clear();
        }
        let epochs = runs.entry(run.clone()).or_default();
        if epochs.len() >= MAX_EPOCHS {
            epochs.clear();
        }
        let mut known = None;
        for entry in page {
            if known != Some(entry.id.epoch) {
                known = Some(entry.id.epoch);
                // A higher position of the same epoch says nothing new.
                if epochs.range(..=entry.id.seq).next_back().is_none_or(|(_, epoch)| *epoch != entry.id.epoch)
                {
                    epochs.insert(entry.id.seq, entry.id.epoch);
                }
            }
        }
    }

    pub(crate) fn forget(&self, run: &RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
    }
}
