//! When a failed attempt is followed by another one, and after how long. Pure: a policy is plain data, a delay is
//! a function of the attempt, so that a wait survives a restart.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde::{Deserialize, Serialize};

use crate::error::Fate;

/// The longest wait that a failing side can ask for with `retry_after`.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Attempts after which the delay no longer grows: by then every factor above 1 has reached the maximum.
const MAX_GROWTH: u32 = 1_000;

/// How often and how fast a component is tried again.
///
/// The delay after attempt `n` is `initial * factor^(n - 1)`, at most `max`; with jitter, up to as much again is
/// added, still at most `max` (computed by the crate `backon`).
///
/// ```
/// use std::time::Duration;
/// use gensx_core::RetryPolicy;
///
/// const PATIENT: RetryPolicy = RetryPolicy::new(5).initial(Duration::from_secs(1)).factor(3.0).jitter(false);
/// assert_eq!(PATIENT.delay(2, 0), Duration::from_secs(3));
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct RetryPolicy {
    max_attempts: u32,
    initial_ms: u64,
    factor: f64,
    max_ms: u64,
    jitter: bool,
}

impl Default for RetryPolicy {
    /// One attempt: what a bare `#[component]` has.
    fn default() -> Self {
        Self::new(1)
    }
}

impl RetryPolicy {
    /// `max_attempts` attempts in all, the first one counted (0 is taken as 1); 200 ms before the second, doubling, at most 30 s, with
    /// jitter.
    #[must_use]
    pub const fn new(max_attempts: u32) -> Self {
        let max_attempts = if max_attempts == 0 { 1 } else { max_attempts };
        Self { max_attempts, initial_ms: 200, factor: 2.0, max_ms: 30_000, jitter: true }
    }

    /// The delay after the first attempt.
    #[must_use]
    pub const fn initial(mut self, delay: Duration) -> Self {
        self.initial_ms = millis(delay);
        self
    }

    /// What the delay is multiplied by after each attempt; less than 1 is taken as 1.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = if factor >= 1.0 { factor } else { 1.0 };
        self
    }

    /// The longest delay; one shorter than the initial delay is taken as that.
    #[must_use]
    pub const fn max(mut self, delay: Duration) -> Self {
        self.max_ms = millis(delay);
        self
    }

    /// Whether a random part is added to each delay, so that those who failed together do not return together.
    #[must_use]
    pub const fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// Attempts in all, the first one counted.
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// The delay after attempt `attempt` (from 1) failed. The random part is a function of `seed`.
    #[must_use]
    pub fn delay(&self, attempt: u32, seed: u64) -> Duration {
        let max = Duration::from_millis(self.max_ms.max(self.initial_ms));
        let step = attempt.clamp(1, MAX_GROWTH);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a factor needs no more than the precision of an f32"
        )]
        let builder = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(self.initial_ms))
            .with_factor(self.factor as f32)
            .with_max_delay(max)
            .without_max_times();
        let builder = if self.jitter { builder.with_jitter().with_jitter_seed(seed) } else { builder };
        builder.build().nth(step as usize - 1).unwrap_or(max).min(max)
    }
}

const fn millis(duration: Duration) -> u64 {
    let ms = duration.as_millis();
    if ms > u64::MAX as u128 { u64::MAX } else { ms as u64 }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    Retry(Duration),
    GiveUp,
}

/// Decides it. `when` is the answer of the component's own predicate, which overrules the error's fate.
pub(crate) fn decide(
    policy: &RetryPolicy,
    attempt: u32,
    fate: Fate,
    when: Option<bool>,
    seed: u64,
) -> Decision {
    let wanted = when.unwrap_or(fate != Fate::Permanent);
    if attempt >= policy.max_attempts || !wanted {
        return Decision::GiveUp;
    }
    let own = policy.delay(attempt, seed);
    Decision::Retry(match fate {
        Fate::RetryAfter(asked) => own.max(asked.min(MAX_RETRY_AFTER)),
        Fate::Retry | Fate::Permanent => own,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy::new(3).initial(Duration::from_millis(100)).max(Duration::from_millis(250)).jitter(false);

    #[test]
    fn delays_grow_to_the_maximum() {
        let delays: Vec<_> = (1..5).map(|attempt| POLICY.delay(attempt, 0).as_millis()).collect();
        assert_eq!(delays, [100, 200, 250, 250]);
        assert_eq!(POLICY.delay(u32::MAX, 0).as_millis(), 250);
    }

    #[test]
    fn jitter_is_a_function_of_the_seed_and_bounded() {
        let policy = POLICY.jitter(true);
        assert_eq!(policy.delay(1, 7), policy.delay(1, 7));
        assert!((0..100).any(|seed| policy.delay(1, seed) != policy.delay(1, 0)));
        assert!((0..100).all(|seed| policy.delay(9, seed).as_millis() <= 250));
    }

    #[test]
    fn the_last_attempt_and_permanent_failures_end_it() {
        assert_eq!(decide(&POLICY, 3, Fate::Retry, None, 0), Decision::GiveUp);
        assert_eq!(decide(&POLICY, 1, Fate::Permanent, None, 0), Decision::GiveUp);
        assert_eq!(
            decide(&POLICY, 1, Fate::Permanent, Some(true), 0),
            Decision::Retry(Duration::from_millis(100))
        );
        assert_eq!(decide(&POLICY, 1, Fate::Retry, Some(false), 0), Decision::GiveUp);
        let asked = Fate::RetryAfter(Duration::from_secs(9));
        assert_eq!(decide(&POLICY, 1, asked, None, 0), Decision::Retry(Duration::from_secs(9)));
    }
}
