//! What the protocol writes to.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::durable::{Offset, StoreError, StreamStore};

/// How long a stream is kept.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Lifetime {
    /// Until it is deleted.
    #[default]
    Unlimited,
    /// As long as somebody reads it or appends to it at least this often.
    Idle(Duration),
    /// To a time, in milliseconds since 1970.
    Until(i64),
}

/// A stream as it is to be.
#[derive(Clone, Debug)]
pub struct Create {
    /// The type of its content, which never changes.
    pub content_type: String,
    /// How long it is kept.
    pub lifetime: Lifetime,
    /// What it begins with.
    pub messages: Vec<Bytes>,
    /// Whether that is all that it will ever hold.
    pub closed: bool,
}

/// A stream that is there now.
#[derive(Clone, Debug)]
pub struct Created {
    /// Whether it was there before, with the same settings.
    pub existed: bool,
    /// The position of its end.
    pub tail: Offset,
    /// Whether nothing will ever follow that.
    pub closed: bool,
}

/// Who writes, and where in what it writes an append stands: what is sent again is appended once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Producer {
    /// Its name.
    pub id: String,
    /// Its lives, counted: an earlier one may not write any more.
    pub epoch: u64,
    /// The number of the append in this life, from 0.
    pub seq: u64,
}

/// What is to be added to a stream.
#[derive(Clone, Debug)]
pub struct Append {
    /// The type of the content, which must be the stream's. `None` where the stream is only closed.
    pub content_type: Option<String>,
    /// The messages, in their order.
    pub messages: Vec<Bytes>,
    /// A token that must sort behind that of the append before.
    pub seq: Option<String>,
    /// Who writes.
    pub producer: Option<Producer>,
    /// Whether nothing may follow.
    pub close: bool,
}

/// How a stream stands after an append.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The position of its end.
    pub tail: Offset,
    /// Whether nothing will ever follow that.
    pub closed: bool,
    /// The number of the producer's last append that the stream holds, in its epoch.
    pub last: Option<Producer>,
    /// Whether the stream held it already.
    pub duplicate: bool,
}

/// Why a stream is not written to.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// It cannot be reached at all.
    Store(StoreError),
    /// There is one of that name with other settings.
    Exists,
    /// Nothing may be appended any more; this is its end.
    Closed(Offset),
    /// The content is not of the stream's type.
    OtherType,
    /// The append's `seq` does not sort behind the last one.
    OutOfOrder,
    /// A later life of the producer has written: its epoch.
    StaleEpoch(u64),
    /// A new epoch begins with a number other than 0.
    EpochBeginsLate,
    /// Appends of the producer are missing.
    Gap {
        /// The number that would follow.
        expected: u64,
        /// The one that came.
        received: u64,
    },
    /// The store has no room for it.
    Full(String),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Streams that can be written to over HTTP.
///
/// Each method is one step: of two that write at once, one sees what the other did.
#[async_trait]
pub trait WritableStore: StreamStore {
    /// Creates a stream, unless it is there already with the same type, lifetime and end.
    ///
    /// # Errors
    /// [`WriteError::Exists`], [`WriteError::Full`], [`WriteError::Store`].
    async fn create(&self, stream: &str, create: Create) -> Result<Created, WriteError>;

    /// Adds messages, closes the stream, or both. What is wrong with it is looked at in the order of [`WriteError`]; a producer
    /// that repeats what the stream holds is told so, also when it is closed by now.
    ///
    /// # Errors
    /// Every [`WriteError`] but [`WriteError::Exists`].
    async fn append(&self, stream: &str, append: Append) -> Result<Appended, WriteError>;

    /// Removes a stream. Who reads it is told that there is none.
    ///
    /// # Errors
    /// [`WriteError::Store`].
    async fn delete(&self, stream: &str) -> Result<(), WriteError>;
}
