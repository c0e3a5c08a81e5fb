//! How many streams may be open at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// A place among the open streams, which is free again when it is dropped.
pub(crate) type Seat = OwnedSemaphorePermit;

#[derive(Debug)]
pub(crate) struct Readers {
    seats: Arc<Semaphore>,
    max: usize,
}

impl Readers {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self { seats: Arc::new(Semaphore::new(max)), max }
    }

    /// A seat, or the answer that there is none. It never waits: who waits would hold a connection for nothing.
    pub(crate) fn seat(&self) -> Result<Seat, Problem> {
        Arc::clone(&self.seats).try_acquire_owned().map_err(|_| Problem::too_many_readers(self.max))
    }
}
