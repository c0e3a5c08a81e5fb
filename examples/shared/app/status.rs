//! What the supervisor tells the page about its worker.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// The worker that the supervisor has, shared with the page's route. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Status(Arc<Mutex<Known>>);

/// The process to kill, for who wants to see what happens then.
#[derive(Clone, Default, Serialize)]
pub(super) struct Known {
    /// None between two workers.
    pid: Option<u32>,
    /// How many were started before it.
    restarts: u32,
}

impl Status {
    pub(super) fn began(&self, pid: Option<u32>) {
        self.change(|known| known.pid = pid);
    }

    pub(super) fn ended(&self) {
        self.change(|known| {
            known.pid = None;
            known.restarts = known.restarts.saturating_add(1);
        });
    }

    pub(super) fn known(&self) -> Known {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
