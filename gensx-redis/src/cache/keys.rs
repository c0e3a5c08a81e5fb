//! The two keys of an output, in one slot of a cluster.

use crate::keys::Keys;

/// Hexadecimal digits of a hash: 16 bytes, as in the identities of calls.
const HASH_DIGITS: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct CacheKeys {
    /// The key's name, which says nothing of what it was made of; doorbells ring with it.
    pub(super) hash: String,
    pub(super) output: String,
    pub(super) lock: String,
    pub(super) bell: String,
}

impl CacheKeys {
    pub(super) fn new(keys: &Keys, key: &str) -> Self {
        let hash = blake3::hash(key.as_bytes()).to_hex()[..HASH_DIGITS].to_owned();
        Self {
            output: keys.cache(&hash, "out"),
            lock: keys.cache(&hash, "lock"),
            bell: keys.cache_bell(),
            hash,
        }
    }
}
