//! Whether the cache is of use now. No connection here.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::error::Failure;

/// The longest that a component waits for one answer.
pub(super) const MAX_ANSWER: Duration = Duration::from_secs(1);
/// How long Redis is left alone after it failed: components do not each wait for it.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Health {
    name: String,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Well,
    /// A key of the cache's could not be read or written, and that was said; others can.
    Odd,
    /// Redis failed, and that was said.
    Down {
        rests_until: Instant,
    },
}

impl Health {
    pub(super) fn new(name: String) -> Self {
        Self { name, state: Mutex::new(State::Well) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is to be asked now.
    pub(super) fn rests(&self, now: Instant) -> bool {
        matches!(*self.state(), State::Down { rests_until } if now < rests_until)
    }

    pub(super) fn answered(&self) {
        let mut state = self.state();
        if matches!(*state, State::Down { .. }) {
            *state = State::Well;
            tracing::info!(cache = self.name, "the cache answers again");
        }
    }

    /// Takes in a failure, and says so once for each time of trouble.
    pub(super) fn failed(&self, failure: Failure, now: Instant) {
        let next = match failure.is_of_one_run() {
            true => State::Odd,
            false => State::Down { rests_until: now + REST },
        };
        let news = {
            let mut state = self.state();
            let news = match (*state, next) {
                (State::Down { .. }, _) | (State::Odd, State::Odd) => false,
                (State::Well | State::Odd, _) => true,
            };
            if !matches!((*state, next), (State::Down { .. }, State::Odd)) {
                *state = next;
            }
            news
        };
        if news {
            let error = failure.of_sink(&self.name);
            tracing::warn!(%error, "components are computed without the cache");
        }
    }
}

#[cfg(test)]
mod tests {
    use gensx_core::SinkErrorKind;

    use super::*;
    use crate::clock;

    #[test]
    fn after_a_failure_nothing_is_asked_for_a_while() {
        let (health, now) = (Health::new("redis".to_owned()), clock::now());
        health.failed(Failure::new(SinkErrorKind::Corrupt, "a key"), now);
        assert!(!health.rests(now), "one key says nothing of others");
        health.failed(Failure::unavailable("down"), now);
        assert!(health.rests(now) && !health.rests(now + REST));
        health.answered();
        assert!(!health.rests(now));
    }
}
