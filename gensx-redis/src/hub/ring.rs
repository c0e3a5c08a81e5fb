//! A run's latest events, kept for readers who are near its end.

use std::collections::VecDeque;

use gensx_core::{EventId, sink::Entry};

/// The most events that are kept of a run, and the most bytes of their payloads.
const MAX_EVENTS: usize = 512;
const MAX_BYTES: usize = 256 * 1024;

/// Events without a hole, up to the last one that is known.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// The last event that is known; kept here or not. `None` until the stream was looked at.
    end: Option<EventId>,
    events: VecDeque<Entry>,
    bytes: usize,
}

impl Ring {
    pub(crate) fn end(&self) -> Option<EventId> {
        self.end
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Begins anew at the end of the stream, or without knowing it.
    pub(crate) fn restart(&mut self, end: Option<EventId>) {
        *self = Self { end, ..Self::default() };
    }

    /// Adds what follows, and says whether it did: events that are known already are left out, a hole is refused.
    pub(crate) fn add(&mut self, entries: impl IntoIterator<Item = Entry>) -> bool {
        let Some(mut end) = self.end else { return false };
        for entry in entries {
            if entry.id <= end {
                continue;
            }
            // Under a higher epoch a position may come again, where the store lost what stood there.
            if entry.id.seq != end.seq + 1 {
                return false;
            }
            end = entry.id;
            self.end = Some(end);
            self.bytes += entry.payload.len();
            self.events.push_back(entry);
            while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
                self.drop_first();
            }
        }
        true
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.events.pop_front() {
            self.bytes -= first.payload.len();
        }
    }

    /// Forgets the events; the end is known still.
    pub(crate) fn empty(&mut self) {
        self.restart(self.end);
    }

    /// The events after a position, if the first of them is kept.
    pub(crate) fn after(&self, position: u64, limit: usize) -> Option<Vec<Entry>> {
        let skip = (position + 1).checked_sub(self.events.front()?.id.seq)?;
        let skip = usize::try_from(skip).ok().filter(|skip| *skip < self.events.len())?;
        Some(self.events.iter().skip(skip).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(epoch: u32, seq: u64, bytes: usize) -> Entry {
        Entry { id: EventId::new(epoch, seq), payload: vec![0; bytes].into() }
    }

    fn seqs(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.id.seq).collect()
    }

    #[test]
    fn what_follows_is_kept_and_a_hole_is_refused() {
        let mut ring = Ring::default();
        assert!(!ring.add([entry(1, 1, 1)]), "the end is not known yet");
        ring.restart(Some(EventId::new(1, 4)));
        assert!(ring.add([entry(1, 4, 1), entry(1, 5, 1), entry(2, 6, 1)]));
        assert_eq!(seqs(&ring.after(4, 10).unwrap()), [5, 6]);
        assert_eq!(seqs(&ring.after(5, 10).unwrap()), [6]);
        assert!(ring.after(6, 10).is_none() && ring.after(3, 10).is_none());
        assert!(!ring.add([entry(2, 8, 1)]) && !ring.add([entry(3, 6, 1)]));
        assert_eq!(ring.end(), Some(EventId::new(2, 6)));
    }

    proptest! {
        #[test]
        fn whatever_is_added_a_page_is_dense_and_bounded(
            adds in prop::collection::vec((1_u64..2_000, 1_usize..700, 0_usize..4_000), 1..20),
            position in 0_u64..3_000,
            limit in 1_usize..600,
        ) {
            let mut ring = Ring::default();
            ring.restart(Some(EventId::new(1, 0)));
            for (from, count, bytes) in adds {
                ring.add((from..from + count as u64).map(|seq| entry(1, seq, bytes)));
            }
            prop_assert!(ring.events.len() <= MAX_EVENTS && ring.bytes() <= MAX_BYTES);
            if let Some(page) = ring.after(position, limit) {
                prop_assert!(!page.is_empty() && page.len() <= limit);
                let expected: Vec<u64> = (position + 1..).take(page.len()).collect();
                prop_assert_eq!(seqs(&page), expected);
            }
        }
    }
}
