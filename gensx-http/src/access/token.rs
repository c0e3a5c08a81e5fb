//! Tokens that let their bearer read one run for a while: `EventSource` sends no headers, so they go into its URL.

use std::{fmt, time::Duration};

use axum::http::request::Parts;
use gensx_core::RunId;

use crate::{clock::unix_seconds, query::Query};

/// The name of the query parameter.
pub(crate) const PARAMETER: &str = "token";
/// The hexadecimal digits of the time at which a token ends.
const TIME_DIGITS: usize = 12;

/// Makes and checks tokens for reading: signed, not stored. All API processes of an application must have the same key.
///
/// ```
/// use std::time::Duration;
/// use gensx_core::{Backend, Client, RunId};
/// use gensx_http::{Api, ReadTokens};
///
/// let tokens = ReadTokens::new([7; 32]);
/// let api = Api::new(Client::new(Backend::in_memory())).read_tokens(tokens.clone());
/// let run: RunId = "order-42".parse()?;
/// let url = format!("/runs/{run}/events?token={}", tokens.issue(&run, Duration::from_secs(3600)));
/// # Ok::<(), gensx_core::Error>(())
/// ```
#[derive(Clone)]
pub struct ReadTokens {
    key: [u8; 32],
}

impl ReadTokens {
    /// Tokens under a key, which must be random, and secret.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A token that lets its bearer read this run for so long, by this machine's clock. A stream that is open at that time
    /// is ended then.
    #[must_use]
    pub fn issue(&self, run: &RunId, valid_for: Duration) -> String {
        let ends = unix_seconds().saturating_add(valid_for.as_secs()).min((1 << (4 * TIME_DIGITS)) - 1);
        format!("{ends:012x}{}", self.signature(run, ends).to_hex())
    }

    /// For how many more seconds a token is valid for a run; `None` for any other token.
    pub(crate) fn check(&self, run: &RunId, token: &str) -> Option<u64> {
        let (ends, signature) = token.split_at_checked(TIME_DIGITS)?;
        let ends = u64::from_str_radix(ends, 16).ok()?;
        let signature = blake3::Hash::from_hex(signature).ok()?;
        // `Hash` compares in constant time.
        (self.signature(run, ends) == signature).then_some(())?;
        ends.checked_sub(unix_seconds()).filter(|left| *left > 0)
    }

    fn signature(&self, run: &RunId, ends: u64) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"read ").update(&ends.to_le_bytes()).update(run.as_str().as_bytes());
        hasher.finalize()
    }
}

/// The token that a request bears.
pub(super) fn of_request(parts: &Parts) -> Option<String> {
    Query::of(&parts.uri).first(PARAMETER).map(str::to_owned)
}

impl fmt::Debug for ReadTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadTokens(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_run_one_key_and_a_while() {
        let (tokens, run): (_, RunId) = (ReadTokens::new([1; 32]), "a".parse().unwrap());
        let token = tokens.issue(&run, Duration::from_secs(60));
        assert!(tokens.check(&run, &token).is_some_and(|left| left <= 60));
        assert_eq!(tokens.check(&"b".parse().unwrap(), &token), None);
        assert_eq!(ReadTokens::new([2; 32]).check(&run, &token), None);
        assert_eq!(tokens.check(&run, &tokens.issue(&run, Duration::ZERO)), None);
        for damaged in ["", "é", &token[1..], &token.replace('0', "1"), &format!("{token}0")] {
            assert_eq!(tokens.check(&run, damaged), None, "{damaged}");
        }
    }
}
