//! The faults of a real provider, chosen by a seed: the same requests meet the same faults.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// How late a slow answer begins.
const SLOW_START: Duration = Duration::from_millis(700);
/// What a refused client is told to wait. `Retry-After` counts whole seconds.
const RETRY_AFTER_SECONDS: u64 = 1;
/// A request fails at most this often in a row, so that a client with one more attempt always comes through.
pub(crate) const MAX_FAULTS_IN_A_ROW: u32 = 3;
/// Of a hundred tries that may fail, how many do.
const FAULTY_PERCENT: u64 = 60;
/// A cut answer breaks off after this share of it, in percent.
const CUT_AT_PERCENT: std::ops::Range<usize> = 10..90;

/// What is done to one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// The answer begins late, but it is whole.
    Slow(Duration),
    /// 429 with `Retry-After`.
    Throttled { retry_after_seconds: u64 },
    /// 500.
    Failed,
    /// The answer breaks off in the middle, and the connection with it.
    Cut { at_percent: usize },
    /// The answer is whole and no JSON.
    BrokenJson,
}

impl Fault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Slow(_) => "slow",
            Self::Throttled { .. } => "throttled",
            Self::Failed => "failed",
            Self::Cut { .. } => "cut",
            Self::BrokenJson => "broken_json",
        }
    }

    /// The status that the client sees.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Throttled { .. } => 429,
            Self::Failed => 500,
            Self::Slow(_) | Self::Cut { .. } | Self::BrokenJson => 200,
        }
    }
}

/// The fault for the `nth` try (from 0) of the request with this text, if it gets one.
pub(super) fn choose(seed: u64, request: &str, nth: u32) -> Option<Fault> {
    if nth >= MAX_FAULTS_IN_A_ROW {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (seed, request, nth).hash(&mut hasher);
    let mut random = fastrand::Rng::with_seed(hasher.finish());
    if random.u64(0..100) >= FAULTY_PERCENT {
        return None;
    }
    Some(match random.u8(0..5) {
        0 => Fault::Slow(SLOW_START),
        1 => Fault::Throttled { retry_after_seconds: RETRY_AFTER_SECONDS },
        2 => Fault::Failed,
        3 => Fault::Cut { at_percent: random.usize(CUT_AT_PERCENT) },
        _ => Fault::BrokenJson,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults_and_another_gives_others() {
        let faults = |seed| (0..50).map(|n| choose(seed, &format!("request {n}"), 0)).collect::<Vec<_>>();
        assert_eq!(faults(1), faults(1));
        assert_ne!(faults(1), faults(2));
    }

    #[test]
    fn every_kind_of_fault_happens_and_none_beyond_the_bound() {
        let names: std::collections::BTreeSet<&str> =
            (0..200).filter_map(|n| choose(3, &format!("request {n}"), 1)).map(Fault::name).collect();
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["broken_json", "cut", "failed", "slow", "throttled"]
        );
        assert!((0..200).all(|n| choose(3, &format!("request {n}"), MAX_FAULTS_IN_A_ROW).is_none()));
    }
}
