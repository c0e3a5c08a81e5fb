//! What the protocol reads from.

use std::{fmt, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

/// The longest offset, in bytes.
const MAX_OFFSET_BYTES: usize = 255;
/// What the protocol calls the beginning, and the end, of every stream.
pub(crate) const BEGINNING: &str = "-1";
pub(crate) const NOW: &str = "now";

/// A position in a stream: a token that sorts by its bytes as the positions do, of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Offset(String);

impl Offset {
    /// The token as an offset; `None` if it cannot be one.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Option<Self> {
        let token = token.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=MAX_OFFSET_BYTES).contains(&token.len()) && token.bytes().all(allowed);
        (fits && token != BEGINNING && token != NOW).then_some(Self(token))
    }

    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a reader begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Start {
    /// With the first message.
    Beginning,
    /// Behind a position.
    After(Offset),
}

/// How a stream stands.
#[derive(Clone, Debug)]
pub struct Stat {
    /// The type of its content: with `application/json` each message is a JSON value, and pages are arrays.
    pub content_type: String,
    /// The position of its end.
    pub tail: Offset,
    /// Whether nothing will ever follow that.
    pub closed: bool,
    /// For how long its pages may be kept by whoever read them.
    pub cacheable: Cacheable,
    /// More headers of the answer to `HEAD`.
    pub headers: Vec<(&'static str, String)>,
}

/// For how long a page may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cacheable {
    /// It is asked each time whether it still holds.
    Revalidated,
    /// A minute, as the protocol proposes it.
    Minute,
    /// It will never change.
    Immutable,
}

/// Some messages of a stream that follow each other.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// What they hold.
    pub messages: Vec<Bytes>,
    /// The position behind them.
    pub next: Offset,
    /// Whether that was the end of the stream, as far as the store can tell.
    pub at_end: bool,
    /// Whether it is the end, for ever.
    pub closed: bool,
}

impl Chunk {
    /// Whether a reader has everything now, given where the stream ended when it asked: a store that gives as many messages as
    /// it may cannot tell whether they were the last.
    pub(super) fn reaches(&self, tail: &Offset) -> bool {
        self.closed || self.at_end || self.next == *tail
    }
}

/// Chunks of a stream, as they come.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Chunk, StoreError>> + Send>>;

/// Why a stream cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// There is none.
    NotFound,
    /// The position is not in it (any more), or it is being removed.
    Gone(String),
    /// The position is none of this stream's.
    BadOffset(String),
    /// It does not answer.
    Failed(gensx_core::Error),
}

/// Streams by their names.
#[async_trait]
pub trait StreamStore: Send + Sync + 'static {
    /// How a stream stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Gone`], [`StoreError::Failed`].
    async fn stat(&self, stream: &str) -> Result<Stat, StoreError>;

    /// What follows `start`, up to `limit` messages in a chunk, and then what is appended. The first chunk comes at once,
    /// empty if nothing follows. The last one is closed. An error is the last thing that comes.
    fn chunks(&self, stream: &str, start: Start, limit: usize) -> Chunks;
}
