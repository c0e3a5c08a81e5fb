//! The protocol's cursor: it keeps shared caches from answering a long-poll with what another one got long ago.

/// 2024-10-09T00:00:00Z, with which its count begins, in seconds since 1970.
const EPOCH: u64 = 1_728_432_000;
/// What it counts, in seconds.
const INTERVAL: u64 = 20;
/// The most seconds by which it goes on from a client's own.
const MAX_JITTER: u64 = 3_600;

/// The cursor of an answer at this time: always past the one that the client sent, by some `jitter` where needed.
pub(super) fn next(now: u64, sent: Option<&str>, jitter: u64) -> u64 {
    let current = now.saturating_sub(EPOCH) / INTERVAL;
    match sent.and_then(|sent| sent.parse::<u64>().ok()) {
        Some(sent) if sent >= current => sent.saturating_add(jitter.clamp(1, MAX_JITTER).div_ceil(INTERVAL)),
        _ => current,
    }
}

/// The same now.
pub(super) fn now(sent: Option<&str>) -> u64 {
    next(crate::clock::unix_seconds(), sent, fastrand::u64(1..=MAX_JITTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_intervals_and_always_advances() {
        let now = EPOCH + 10 * INTERVAL + 5;
        assert_eq!(next(now, None, 1), 10);
        assert_eq!(next(now, Some("9"), 1), 10);
        assert_eq!(next(now, Some("words"), 1), 10);
        assert_eq!(next(now, Some("10"), 1), 11);
        assert_eq!(next(now, Some("10"), 21), 12);
        assert_eq!(next(now, Some("500"), 0), 501);
        assert_eq!(next(0, None, 1), 0);
    }
}
