use async_trait::async_trait;

use super::SinkError;
use crate::RunId;

/// The most messages that one run's inbox holds.
pub const MAX_MESSAGES_PER_RUN: usize = 10_000;

/// A message from outside to a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its number in the run's inbox, from 1; 0 in a message that is being sent.
    pub number: u64,
    /// What it is for: the name of an input, or one of the library's own names, which begin with `gensx.`.
    pub name: String,
    /// Its JSON.
    pub body: String,
    /// The sender's own id for it: sending it again changes nothing.
    pub id: Option<String>,
}

/// The runs that may have new messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrived {
    /// These.
    Runs(Vec<RunId>),
    /// Any run: the store cannot tell which, because it was out of reach, or so many have arrived.
    Any,
}

impl Arrived {
    /// Whether a run is among them.
    #[must_use]
    pub fn may_be(&self, run: &RunId) -> bool {
        match self {
            Self::Runs(runs) => runs.contains(run),
            Self::Any => true,
        }
    }
}

/// Messages from those who do not own a run. Part of every [`EventSink`](super::EventSink).
#[async_trait]
pub trait Inbox {
    /// Puts a message into a run's inbox and gives its number.
    ///
    /// - **I1** Messages are numbered from 1, dense, in the order they were accepted.
    /// - **I2** A message with the `id` of an earlier one is answered with that one's number and not stored again.
    ///
    /// # Errors
    /// - **I3** [`SinkErrorKind::NotFound`](super::SinkErrorKind::NotFound) without a stream,
    ///   [`SinkErrorKind::Ended`](super::SinkErrorKind::Ended) for a run that has ended.
    /// - **I4** [`SinkErrorKind::TooLarge`](super::SinkErrorKind::TooLarge) past [`MAX_MESSAGES_PER_RUN`].
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError>;

    /// Reads up to `limit` messages after number `after`, in order.
    ///
    /// - **I5** An unknown run has none.
    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError>;

    /// Waits for messages to any run after `cursor` (0: those that are already there do not count), and gives the next
    /// cursor and the runs that may have some.
    ///
    /// - **I6** Every message sent after a cursor was given is told under that cursor, by this process or another one.
    /// - **I7** It is a hint: it may name too many runs, or return with none.
    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError>;
}
