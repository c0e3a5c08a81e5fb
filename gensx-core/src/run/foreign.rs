//! Calls that are polled by tasks of the application's own: they must hear when their parent has ended.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use super::{by_call::ByCall, lock};
use crate::CallId;

/// The wakers of such calls, by their parents.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    calls: Mutex<ByCall<ByCall<Waker>>>,
    /// Whether there ever were any: most runs have none, and look no further.
    any: AtomicBool,
}

impl Foreign {
    pub(crate) fn note(&self, parent: CallId, call: CallId, waker: &Waker) {
        self.any.store(true, Ordering::Release);
        let replaced = lock(&self.calls).entry(parent).or_default().insert(call, waker.clone());
        // A waker can own the task that it wakes: it is dropped when nothing is locked.
        drop(replaced);
    }

    /// The call is over, or dropped.
    pub(crate) fn forget(&self, parent: CallId, call: CallId) {
        let mut calls = lock(&self.calls);
        let forgotten = calls.get_mut(&parent).and_then(|siblings| siblings.remove(&call));
        if calls.get(&parent).is_some_and(ByCall::is_empty) {
            calls.remove(&parent);
        }
        drop(calls);
        drop(forgotten);
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire) || lock(&self.calls).is_empty()
    }

    /// Those whose parent has ended, or begins another attempt: they are to be woken when nothing is locked.
    pub(crate) fn take(&self, parent: CallId) -> impl Iterator<Item = Waker> + use<> {
        let any = self.any.load(Ordering::Acquire);
        let taken = any.then(|| lock(&self.calls).remove(&parent)).flatten();
        taken.unwrap_or_default().into_values()
    }

    pub(crate) fn wake_all(&self) {
        let woken = std::mem::take(&mut *lock(&self.calls));
        woken.into_values().flat_map(ByCall::into_values).for_each(Waker::wake);
    }
}
