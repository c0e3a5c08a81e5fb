//! Maps by call.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::CallId;

/// What is kept by call.
pub(crate) type ByCall<T> = HashMap<CallId, T, BuildHasherDefault<CallIdHasher>>;

/// A call's id is a hash already.
#[derive(Debug, Default)]
pub(crate) struct CallIdHasher(u64);

impl Hasher for CallIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut word = [0; 8];
        let size = bytes.len().min(8);
        word[..size].copy_from_slice(&bytes[..size]);
        self.0 ^= u64::from_le_bytes(word);
    }
}
