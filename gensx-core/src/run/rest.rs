//! Whether a run only waits, for time or for a message: then it can leave memory, and come back from its stream.
//!
//! A body may wait for something that the library does not see. So a call counts as waiting only by what it has open: calls
//! that wait, sleeps, inputs, a delay before its next attempt. One that has nothing open works, and so does one whose attempt has a
//! timeout, which goes by this process's clock, or has tasks of its own.

use std::sync::Arc;

use super::node::Node;
use crate::CallId;

/// What a run that only waits, waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rest {
    /// The store's time at which the first of its waits is over, in milliseconds since 1970.
    pub(crate) due_ms: Option<u64>,
    /// Whether a message may end one.
    pub(crate) on_message: bool,
}

impl Rest {
    pub(crate) fn until(due_ms: u64) -> Self {
        Self { due_ms: Some(due_ms), on_message: false }
    }

    pub(crate) fn for_message(due_ms: Option<u64>) -> Self {
        Self { due_ms, on_message: true }
    }

    /// Both at once: the first to end is waited for.
    pub(crate) fn and(self, other: Self) -> Self {
        let due_ms = match (self.due_ms, other.due_ms) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self { due_ms, on_message: self.on_message || other.on_message }
    }

    /// Whether it ends by time before `ms`.
    pub(crate) fn ends_before(self, ms: u64) -> bool {
        self.due_ms.is_some_and(|due_ms| due_ms < ms)
    }
}

/// Says that something of a call waits, until it is dropped.
#[derive(Debug)]
pub(crate) struct Resting {
    node: Arc<Node>,
    what: CallId,
}

impl Resting {
    /// `what` waits: the call itself, or a sleep or an input of its own. Noted only where runs are parked.
    pub(crate) fn begin(node: &Arc<Node>, what: CallId, rest: Rest) -> Option<Self> {
        node.run.config.park_after?;
        node.note_rest(what, rest);
        Some(Self { node: Arc::clone(node), what })
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.node.forget_rest(self.what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_that_ends_counts() {
        let (soon, late, message) = (Rest::until(5), Rest::until(9), Rest::for_message(None));
        assert_eq!(late.and(soon), soon);
        assert_eq!(message.and(late), Rest { due_ms: Some(9), on_message: true });
        assert_eq!(message.and(message), message);
        assert!(soon.ends_before(6) && !soon.ends_before(5) && !message.ends_before(u64::MAX));
    }
}
