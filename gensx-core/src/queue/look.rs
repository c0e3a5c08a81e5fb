//! What can be seen of a queue.

use std::{sync::Arc, time::Duration};

use super::Worker;
use crate::RunId;

/// The most dead runs that one page gives.
pub const MAX_DEAD_PAGE: usize = 1_000;

/// A worker that lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announce {
    /// Who.
    pub worker: Worker,
    /// Whether it takes no more runs: its deployment's runs may move.
    pub draining: bool,
    /// How long it counts as living, unless it says so again. Zero: it leaves.
    pub ttl: Duration,
}

/// Where a run stands in its queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum QueueState {
    /// It may be claimed.
    Ready,
    /// It could be claimed if its limits had room, or if it were its key's turn.
    Held,
    /// It is to start, or to be tried again, later.
    Delayed,
    /// It let its worker go, and waits for its time or for a message.
    Parked,
    /// A worker has it.
    Leased,
    /// It was given up.
    Dead,
}

/// A run in a queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queued {
    /// The workflow's name.
    pub workflow: Arc<str>,
    /// Where it stands.
    pub state: QueueState,
    /// When it goes on at the latest, or its lease runs out, by the store's time, in milliseconds since 1970.
    pub due_ms: Option<u64>,
    /// The deployment that has claimed it last.
    pub deployment: Option<Arc<str>>,
    /// The worker that has it.
    pub worker: Option<super::WorkerId>,
    /// Claims since it made progress.
    pub claims: u32,
}

/// How a queue stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct QueueStats {
    /// Runs that may be claimed.
    pub ready: u64,
    /// Runs that wait for room in their limits.
    pub held: u64,
    /// Runs whose time has not come.
    pub delayed: u64,
    /// Runs that wait for their time or for a message, after having begun.
    pub parked: u64,
    /// Runs that workers have.
    pub leased: u64,
    /// Runs that were given up.
    pub dead: u64,
    /// How long the oldest of the ready and held ones has been so.
    pub oldest_ready: Option<Duration>,
}

/// A deployment that has workers or runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deployment {
    /// Its name.
    pub name: Arc<str>,
    /// When a worker of it first announced itself or was given a run, by the store's time, in milliseconds since 1970. The newest is the
    /// last in the list, also where two have the same.
    pub first_seen_ms: u64,
    /// Workers that live and take runs.
    pub workers: u64,
    /// Workers that live and take no more.
    pub draining: u64,
    /// Runs that are bound to it and are not dead.
    pub runs: u64,
}

/// A run that was given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadRun {
    /// The run.
    pub run: RunId,
    /// The workflow's name.
    pub workflow: Arc<str>,
    /// The claims that it took.
    pub claims: u32,
    /// Since when, by the store's time, in milliseconds since 1970.
    pub since_ms: u64,
}

/// What became of a run that was to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removed {
    /// The queue has forgotten it.
    Removed,
    /// A worker has it: cancel it instead.
    Leased,
    /// It is not in the queue.
    Unknown,
}
