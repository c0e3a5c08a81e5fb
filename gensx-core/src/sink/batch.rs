//! What is appended, and the one decision about it. It is pure: backends that run it inside a transaction share
//! it, those with a server side spell the same rules there.

use std::sync::Arc;

use crate::{EventId, RunId, event::RunStatus};

/// An event's stored bytes.
pub type Payload = Arc<[u8]>;

/// A name for one append, unique to the writer and the same when the append is repeated.
pub type BatchToken = u128;

/// Events to be added to one run's stream, all or none.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The run.
    pub run: RunId,
    /// The writer's epoch and the position of the first event.
    pub first: EventId,
    /// What makes a repetition of this append recognisable.
    pub token: BatchToken,
    /// The events, at least one.
    pub payloads: Vec<Payload>,
    /// The workflow's name, on the batch that begins a stream.
    pub opens: Option<Arc<str>>,
    /// The run's last status, on the batch that ends the stream.
    pub closes: Option<RunStatus>,
}

impl Batch {
    /// The position of the last event.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.first.seq + self.payloads.len() as u64 - 1
    }
}

/// A sink's answer to an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Append {
    /// The batch was added.
    Done,
    /// The batch had been added before.
    Duplicate,
    /// Another owner has taken the run over.
    Fenced,
    /// The stream does not hold what this batch follows: the store lost its tail, or the stream is gone.
    Lost,
    /// The run has ended.
    Ended,
}

/// One stored event.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands.
    pub id: EventId,
    /// Its bytes.
    pub payload: Payload,
}

/// Where a run stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The workflow's name.
    pub workflow: Arc<str>,
    /// The id of the last event.
    pub last: EventId,
    /// Running, or how it ended.
    pub status: RunStatus,
}

/// What a store must know of a stream to judge a batch.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The id of the last event.
    pub last: EventId,
    /// Whether the stream is closed.
    pub ended: bool,
    /// The epoch and token of the entry at the batch's first position, if there is one.
    pub at_first: Option<(u32, BatchToken)>,
}

/// The answer to a batch, given how the stream stands (`None`: there is none).
#[must_use]
pub fn judge(standing: Option<Standing>, batch: &Batch) -> Append {
    let Some(Standing { last, ended, at_first }) = standing else {
        return if batch.opens.is_some() && batch.first.seq == 1 { Append::Done } else { Append::Lost };
    };
    if at_first == Some((batch.first.epoch, batch.token)) {
        return Append::Duplicate;
    }
    if ended {
        return Append::Ended;
    }
    let follows = batch.first.seq == last.seq + 1;
    match batch.first.epoch.cmp(&last.epoch) {
        _ if batch.opens.is_some() => Append::Fenced,
        std::cmp::Ordering::Less => Append::Fenced,
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater if follows => Append::Done,
        std::cmp::Ordering::Equal if at_first.is_some() => Append::Fenced,
        // A claim whose place is taken: another claim, or the owner itself, was faster.
        std::cmp::Ordering::Greater if at_first.is_some() => Append::Fenced,
        _ => Append::Lost,
    }
}
