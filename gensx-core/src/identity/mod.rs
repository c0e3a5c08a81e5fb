//! What makes a call the same call: its parent, its component's name, its inputs, and how many like it there are.

mod canonical;
mod slots;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use canonical::CanonicalError;
pub(crate) use canonical::canonical;
pub(crate) use slots::Slots;

use crate::RunId;

const HASH_BYTES: usize = 16;

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) [u8; HASH_BYTES]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = [0; 2 * HASH_BYTES];
                serializer.serialize_str(to_hex(&self.0, &mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(HexVisitor).map(Self)
            }
        }
    };
}

hash_type! {
    /// The identity of a call: 128 bits, shown as 32 hexadecimal digits. The same at every replay, on every machine.
    CallId
}

hash_type! {
    /// A wide hash of a value's canonical encoding: 128 bits, shown as 32 hexadecimal digits.
    Fingerprint
}

impl CallId {
    /// The parent of a run's first call. It contributes the run's id alone.
    pub(crate) fn root(origin: &RunId) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"gensx run\0").update(origin.as_str().as_bytes());
        Self(wide(&hasher.finalize()))
    }

    pub(crate) fn of(parent: Self, name: &str, what: &Marker<'_>, occurrence: u32) -> Self {
        let mut bytes = [0_u8; 256];
        let mut long = Vec::new();
        let parts: [&[u8]; 5] = match what {
            Marker::Inputs(print) => {
                [&parent.0, name.as_bytes(), b"\0i", &print.0, &occurrence.to_le_bytes()]
            }
            Marker::Key(key) => {
                [&parent.0, name.as_bytes(), b"\0k", key.as_bytes(), &occurrence.to_le_bytes()]
            }
        };
        let size = parts.iter().map(|part| part.len()).sum::<usize>();
        // One short buffer hashes several times faster than an incremental hasher.
        let buffer = if size <= bytes.len() {
            &mut bytes[..size]
        } else {
            long.resize(size, 0);
            &mut long[..]
        };
        let mut at = 0;
        for part in parts {
            buffer[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Self(wide(&blake3::hash(buffer)))
    }
}

impl Fingerprint {
    /// Of what has no inputs.
    pub(crate) const NONE: Self = Self([0; HASH_BYTES]);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(wide(&blake3::hash(bytes)))
    }

    /// A fingerprint that nobody without the key can check guesses against.
    pub(crate) fn keyed(key: &[u8; 32], bytes: &[u8]) -> Self {
        Self(wide(&blake3::keyed_hash(key, bytes)))
    }
}

/// What tells a call from its siblings of the same name.
pub(crate) enum Marker<'a> {
    Inputs(Fingerprint),
    Key(&'a str),
}

fn wide(hash: &blake3::Hash) -> [u8; HASH_BYTES] {
    let mut bytes = [0; HASH_BYTES];
    bytes.copy_from_slice(&hash.as_bytes()[..HASH_BYTES]);
    bytes
}

fn to_hex<'a>(bytes: &[u8; HASH_BYTES], buffer: &'a mut [u8; 2 * HASH_BYTES]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in buffer.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(buffer).unwrap_or_default()
}

fn write_hex(bytes: &[u8; HASH_BYTES], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(to_hex(bytes, &mut [0; 2 * HASH_BYTES]))
}

struct HexVisitor;

impl serde::de::Visitor<'_> for HexVisitor {
    type Value = [u8; HASH_BYTES];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("32 hexadecimal digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        parse_hex(text.as_bytes()).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

/// The value of each byte as a hexadecimal digit, or [`NO_DIGIT`]: a resume reads some for every event.
const HEX_VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        value += 1;
    }
    values
};

/// It shows in the bits of all digits together, which are below 16.
const NO_DIGIT: u8 = 0xff;

fn parse_hex(text: &[u8]) -> Option<[u8; HASH_BYTES]> {
    let mut bytes = [0; HASH_BYTES];
    if text.len() != 2 * HASH_BYTES {
        return None;
    }
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (HEX_VALUES[usize::from(pair[0])], HEX_VALUES[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 0x0f;
    }
    (seen != NO_DIGIT).then_some(bytes)
}

#[cfg(test)]
mod tests;
