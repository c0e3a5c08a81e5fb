//! What is appended, and the one decision about it. It is pure: backends that run it inside a transaction share
//! it, those with a server side spell the same rules there.

use std::sync::Arc;

use crate::{
    EventId, RunId,
    event::{EventKind, RunStatus},
};

/// An event's stored bytes.
pub type Payload = Arc<[u8]>;

/// A name for one append: who appends, and which of its appends this is. The same when the append is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BatchToken {
    /// The owner of the run, from where it opened or claimed it: a random number, the same in each of its batches. It
    /// tells two owners apart where a store lost a claim, and the next owner has taken the same epoch.
    pub owner: u64,
    /// Unique to the owner.
    pub number: u64,
}

impl BatchToken {
    /// The token as stores keep it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.owner) << 64 | u128::from(self.number)).to_be_bytes()
    }

    /// The token that was kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { owner: (both >> 64) as u64, number: both as u64 }
    }
}

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
    /// What it is to its stream.
    pub kind: BatchKind,
    /// The run's last status, on the batch that ends the stream.
    pub closes: Option<RunStatus>,
}

/// What a batch is to its stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchKind {
    /// It begins the stream of a run.
    Opens(Opening),
    /// It takes the run over, under a higher epoch.
    Claims {
        /// The deployment of the worker that claims, if it is one.
        deployment: Option<Arc<str>>,
    },
    /// It goes on under the epoch of the last event.
    Continues,
}

/// What a store is to know of a run that begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opening {
    /// The workflow's name.
    pub workflow: Arc<str>,
    /// How long the run is kept after its end, in milliseconds; as the store keeps runs, where it does not say.
    pub keep_ms: Option<u64>,
    /// The failed run that it retries.
    pub retry_of: Option<RunId>,
}

impl Opening {
    /// What is told of a run whose first event is of this kind, if that begins a run.
    pub(crate) fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::RunStarted { workflow, keep_ms, retry_of, .. } => Some(Self {
                workflow: workflow.as_str().into(),
                keep_ms: *keep_ms,
                retry_of: retry_of.clone(),
            }),
            _ => None,
        }
    }
}

/// A run of the workflow with this name, without more.
impl From<&str> for Opening {
    fn from(workflow: &str) -> Self {
        Self { workflow: workflow.into(), keep_ms: None, retry_of: None }
    }
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

impl Entry {
    /// The event as the JSON that readers outside get, as [`Event::to_json`](crate::Event::to_json) gives it, without decoding
    /// what it says.
    ///
    /// # Errors
    /// [`ErrorKind::Replay`](crate::ErrorKind::Replay) when the bytes are no JSON object: cut off, or damaged.
    pub fn to_json(&self) -> crate::Result<String> {
        crate::event::stored_to_json(self.id, &self.payload)
    }
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
    /// The owner that appended it.
    pub owner: u64,
    /// Whether the stream is closed.
    pub ended: bool,
    /// The epoch and token of the entry at the batch's first position, if there is one.
    pub at_first: Option<(u32, BatchToken)>,
}

/// The answer to a batch, given how the stream stands (`None`: there is none).
#[must_use]
pub fn judge(standing: Option<Standing>, batch: &Batch) -> Append {
    let opens = matches!(batch.kind, BatchKind::Opens(_));
    let Some(Standing { last, owner, ended, at_first }) = standing else {
        return if opens && batch.first.seq == 1 { Append::Done } else { Append::Lost };
    };
    if at_first == Some((batch.first.epoch, batch.token)) {
        return Append::Duplicate;
    }
    if ended {
        return Append::Ended;
    }
    if opens || batch.first.epoch < last.epoch {
        return Append::Fenced;
    }
    let claims = matches!(batch.kind, BatchKind::Claims { .. });
    match (claims, batch.first.epoch > last.epoch) {
        // Another claim was faster.
        (true, false) => Append::Fenced,
        // The store lost the claim of this owner: whatever stands there now is not what its work follows from.
        (false, true) => Append::Lost,
        // The store lost the claim of this owner, and another one has taken the epoch since.
        (false, false) if batch.token.owner != owner => Append::Fenced,
        _ if batch.first.seq == last.seq + 1 => Append::Done,
        // Another claim, or the owner itself, was faster.
        _ if at_first.is_some() => Append::Fenced,
        _ => Append::Lost,
    }
}
