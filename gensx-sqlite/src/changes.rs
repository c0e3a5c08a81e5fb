//! What a transaction changed, to be told once it is committed.

use gensx_core::RunId;

#[derive(Default, Debug)]
pub(crate) struct Changes {
    /// Runs and the position of their last event.
    pub(crate) grown: Vec<(RunId, u64)>,
    pub(crate) gone: Vec<RunId>,
    /// Whether a run ended that says itself how long it is kept.
    pub(crate) expires: bool,
    /// The newest message's id.
    pub(crate) message: Option<u64>,
    /// The queue's cursor, if it grew.
    pub(crate) queue: Option<u64>,
}
