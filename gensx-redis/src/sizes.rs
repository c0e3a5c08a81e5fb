//! How many events of a run are asked for at once. Redis counts events, and what bounds memory and the time of a request is
//! bytes: so it begins with few, and what they took says how many come next.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gensx_core::{
    RunId,
    sink::{Entry, MAX_PAGE},
};

/// The bytes with which a page ends.
pub(crate) const PAGE_BYTES: usize = 4 << 20;
/// Events of a run that nothing is known of. The largest that a run appends, unless its limits are set, have 16 MiB.
const FIRST: usize = 16;
/// By how much more is asked for after as many as were asked for came and were small.
const GROWTH: usize = 8;
/// Runs that are remembered; beyond it, all are forgotten.
const MAX_RUNS: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Sizes(Mutex<HashMap<RunId, usize>>);

impl Sizes {
    fn counts(&self) -> MutexGuard<'_, HashMap<RunId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events of a run are to be asked for.
    pub(crate) fn count(&self, run: &RunId) -> usize {
        self.counts().get(run).copied().unwrap_or(FIRST)
    }

    /// Learns from what came when so many were asked for.
    pub(crate) fn learn(&self, run: &RunId, asked: usize, entries: &[Entry]) {
        let mut counts = self.counts();
        let before = counts.get(run).copied().unwrap_or(FIRST);
        let largest = entries.iter().map(|entry| entry.payload.len()).max().unwrap_or(0);
        let next = next(before, entries.len() == asked, asked, largest);
        if next == before {
            return;
        }
        if counts.len() >= MAX_RUNS && !counts.contains_key(run) {
            counts.clear();
        }
        counts.insert(run.clone(), next);
    }
}

/// How many to ask for, after `asked` were, all of which came or not, the largest of so many bytes.
fn next(before: usize, all_came: bool, asked: usize, largest_bytes: usize) -> usize {
    let grown = if all_came { before.max(asked.saturating_mul(GROWTH)) } else { before };
    grown.min(PAGE_BYTES / largest_bytes.max(1)).clamp(1, MAX_PAGE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_events_are_soon_asked_for_in_whole_pages() {
        let (mut count, mut requests) = (FIRST, 0);
        while count < MAX_PAGE {
            count = next(count, true, count, 200);
            requests += 1;
        }
        assert!(requests <= 3, "{requests} requests");
    }

    #[test]
    fn one_that_was_asked_for_alone_makes_no_later_page_smaller() {
        assert_eq!(next(MAX_PAGE, true, 1, 200), MAX_PAGE);
        assert_eq!(next(MAX_PAGE, false, 1, 0), MAX_PAGE);
    }

    proptest! {
        #[test]
        fn events_as_large_as_the_last_ones_fit(before in 1..=MAX_PAGE, asked in 1..=MAX_PAGE, all: bool, largest: u32) {
            let count = next(before, all, asked, largest as usize);
            prop_assert!((1..=MAX_PAGE).contains(&count));
            prop_assert!(count == 1 || count * largest as usize <= PAGE_BYTES);
        }
    }
}
