//! Who waits for outputs that others compute. No connection here.

use std::collections::HashMap;

use tokio::sync::watch;

/// The doorbell of the cache: it rings with the name of an output.
#[derive(Default)]
pub(crate) struct Outputs {
    waiting: HashMap<String, Waiting>,
    listening: Listening,
}

struct Waiting {
    listeners: usize,
    rung: watch::Sender<()>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Listening {
    /// Nobody has waited yet.
    #[default]
    Unwanted,
    Wanted,
    Heard,
}

impl Outputs {
    /// Somebody waits for an output.
    pub(crate) fn enter(&mut self, name: &str) -> watch::Receiver<()> {
        if self.listening == Listening::Unwanted {
            self.listening = Listening::Wanted;
        }
        let fresh = || Waiting { listeners: 0, rung: watch::Sender::new(()) };
        let waiting = self.waiting.entry(name.to_owned()).or_insert_with(fresh);
        waiting.listeners += 1;
        waiting.rung.subscribe()
    }

    /// Somebody waits no longer.
    pub(crate) fn leave(&mut self, name: &str) {
        if let Some(waiting) = self.waiting.get_mut(name) {
            waiting.listeners -= 1;
            if waiting.listeners == 0 {
                self.waiting.remove(name);
            }
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.listening != Listening::Unwanted
    }

    pub(crate) fn is_to_be_asked(&self) -> bool {
        self.listening == Listening::Wanted
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.listening == Listening::Heard
    }

    /// The server confirmed that it rings from now on.
    pub(crate) fn heard(&mut self) {
        self.listening = Listening::Heard;
        self.miss();
    }

    /// The connection is gone: those who wait look for themselves.
    pub(crate) fn unheard(&mut self) {
        if self.is_wanted() {
            self.listening = Listening::Wanted;
            self.miss();
        }
    }

    /// Doorbells may have been missed.
    pub(crate) fn miss(&self) {
        self.waiting.values().for_each(|waiting| waiting.rung.send_replace(()));
    }

    pub(crate) fn ring(&self, name: &str) {
        if let Some(waiting) = self.waiting.get(name) {
            waiting.rung.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_hear_their_own_and_what_may_be_theirs() {
        let mut outputs = Outputs::default();
        assert!(!outputs.is_wanted());
        let (mut a, mut b) = (outputs.enter("a"), outputs.enter("b"));
        outputs.ring("a");
        outputs.ring("c");
        assert!(a.has_changed().unwrap() && !b.has_changed().unwrap());
        a.mark_unchanged();
        b.mark_unchanged();
        outputs.heard();
        assert!(outputs.is_heard() && a.has_changed().unwrap() && b.has_changed().unwrap());
        outputs.leave("a");
        outputs.leave("b");
        assert!(outputs.waiting.is_empty());
        outputs.unheard();
        assert!(outputs.is_to_be_asked());
    }
}
