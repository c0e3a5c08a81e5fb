//! A reader that is cut at random and goes on after the last event that it saw.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gensx_core::{ErrorKind, Event, EventId, EventSink, RunId, sink::events};

/// The most events of one sitting.
const MAX_EVENTS: usize = 50;

/// What happened to all readers together.
#[derive(Default, Debug)]
pub(crate) struct Sittings {
    pub(crate) begun: AtomicU64,
    /// Ended by a sink that did not answer for long.
    pub(crate) failed: AtomicU64,
    /// Told that what they had seen was lost.
    pub(crate) gone: AtomicU64,
}

pub(crate) struct Reader {
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) run: RunId,
    pub(crate) seen: Vec<(EventId, Arc<[u8]>)>,
    pub(crate) sittings: Arc<Sittings>,
    pub(crate) dice: fastrand::Rng,
}

impl Reader {
    /// Reads to the run's end, in as many sittings as it takes.
    pub(crate) async fn read_all(&mut self) {
        while !self.sit(usize::MAX).await {}
    }

    /// Reads up to an event that is there.
    pub(crate) async fn read_to(&mut self, last: EventId) {
        while let left @ 1.. = last.seq - self.seen.last().map_or(0, |(id, _)| id.seq) {
            self.sit(usize::try_from(left).unwrap()).await;
        }
    }

    /// Reads some events; `true` at the run's end.
    async fn sit(&mut self, most: usize) -> bool {
        let after = self.seen.last().map(|(id, _)| *id);
        self.sittings.begun.fetch_add(1, Ordering::Relaxed);
        let mut events = events(Arc::clone(&self.sink), self.run.clone(), after);
        for _ in 0..self.dice.usize(1..=MAX_EVENTS).min(most) {
            match events.next().await {
                Some(Ok(event)) => self.see(event),
                None => return true,
                Some(Err(error)) => {
                    match error.kind() {
                        ErrorKind::Sink => &self.sittings.failed,
                        // It begins again.
                        ErrorKind::Gone => {
                            self.seen.clear();
                            &self.sittings.gone
                        }
                        // The run has not begun.
                        ErrorKind::NotFound if self.seen.is_empty() => &self.sittings.begun,
                        kind => panic!("{kind:?}: {error:#}"),
                    }
                    .fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    return false;
                }
            }
        }
        false
    }

    fn see(&mut self, event: Event) {
        let before = self.seen.last().map_or(0, |(id, _)| id.seq);
        assert_eq!(event.id.seq, before + 1, "run `{}` was read with a hole", self.run);
        self.seen.push((event.id, event.encode()));
    }
}
