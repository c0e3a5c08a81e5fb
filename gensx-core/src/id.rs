//! The names of things: runs and events. (A call's name is its identity: see [`crate::identity`].)

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// The longest run id that is accepted, in bytes.
pub const MAX_RUN_ID_BYTES: usize = 128;

/// The largest sequence number: stores count in doubles, which are exact up to here.
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// The name of a run: 1 to 128 of `A-Z a-z 0-9 . _ -`, not beginning with a dot.
///
/// ```
/// use gensx_core::RunId;
/// let id: RunId = "order-42".parse()?;
/// assert_eq!(id.as_str(), "order-42");
/// assert!("no spaces".parse::<RunId>().is_err());
/// # Ok::<(), gensx_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

impl RunId {
    /// A fresh id that sorts by the time it was made (a version 7 UUID).
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string().into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let reason = if text.is_empty() {
            "it is empty"
        } else if text.len() > MAX_RUN_ID_BYTES {
            "it is longer than 128 bytes"
        } else if text.starts_with('.') {
            "it begins with a dot"
        } else if !text.bytes().all(allowed) {
            "only `A-Z a-z 0-9 . _ -` are allowed"
        } else {
            return Ok(Self(text.into()));
        };
        let shown: String = text.chars().take(40).collect();
        Err(Error::of(ErrorKind::InvalidInput, format!("invalid run id {shown:?}: {reason}")))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({})", self.0)
    }
}

impl Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where an event stands: the generation of the run's owner, and a number that is dense from 1 and
/// continues across owners.
///
/// Its text is one opaque, fixed-width token that sorts like the ids themselves.
///
/// ```
/// use gensx_core::EventId;
/// let id = EventId::new(2, 17);
/// assert_eq!(id.to_string(), "00000002-00000000000011");
/// assert_eq!("00000002-00000000000011".parse::<EventId>()?, id);
/// # Ok::<(), gensx_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EventId {
    /// The generation of the run's owner, from 1.
    pub epoch: u32,
    /// The event's position in its stream, from 1.
    pub seq: u64,
}

const EPOCH_DIGITS: usize = 8;
const SEQ_DIGITS: usize = 14;

impl EventId {
    /// The id of the event at `seq` that was written under `epoch`.
    #[must_use]
    pub const fn new(epoch: u32, seq: u64) -> Self {
        Self { epoch, seq }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0EPOCH_DIGITS$x}-{:0SEQ_DIGITS$x}", self.epoch, self.seq)
    }
}

impl FromStr for EventId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse_event_id(text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Error::of(
                ErrorKind::InvalidInput,
                format!("invalid event id {shown:?}: use an id a stream gave you"),
            )
        })
    }
}

fn parse_event_id(text: &str) -> Option<EventId> {
    let (epoch, seq) = text.split_once('-')?;
    let lower_hex = |s: &str| s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if epoch.len() != EPOCH_DIGITS || seq.len() != SEQ_DIGITS || !lower_hex(epoch) || !lower_hex(seq) {
        return None;
    }
    let seq = u64::from_str_radix(seq, 16).ok().filter(|seq| *seq <= MAX_SEQ)?;
    Some(EventId { epoch: u32::from_str_radix(epoch, 16).ok()?, seq })
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn event_ids_sort_as_text_and_come_back(a: u32, b: u32, x in 0..=MAX_SEQ, y in 0..=MAX_SEQ) {
            let (left, right) = (EventId::new(a, x), EventId::new(b, y));
            prop_assert_eq!(left.to_string().parse::<EventId>().unwrap(), left);
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }

        #[test]
        fn any_text_as_an_id_is_answered(text in ".{0,200}") {
            let _ = text.parse::<EventId>();
            let _ = text.parse::<RunId>();
        }
    }
}
