//! What workers ask of a queue, and what they are told.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use super::{Due, QueueError, QueueErrorKind, check_name};
use crate::{RunId, sink::Payload};

/// The most runs that one claim gives.
pub const MAX_CLAIM: usize = 64;
/// The most workflows that one claim names. A worker with more asks for them in turns.
pub const MAX_CLAIM_WORKFLOWS: usize = 64;
/// The most runs that one claim brings back because they are due, or because their leases ran out.
pub const MAX_DUE_PER_CALL: usize = 64;
/// The most deployments that a queue knows at once: those with workers, and those with runs.
pub const MAX_DEPLOYMENTS: usize = 64;
/// The most leases that one renewal names.
pub const MAX_RENEW: usize = 1_000;

/// The name of a worker, fresh for each process that starts.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// A name that nobody else has.
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string().into())
    }

    /// The name that was given out as this text; what queues store.
    #[must_use]
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who claims.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worker {
    /// The worker.
    pub id: WorkerId,
    /// The version of the program that it runs.
    pub deployment: Arc<str>,
}

/// Which deployment goes on with a workflow's runs. One that none has claimed yet is anybody's under the first two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum MovePolicy {
    /// The one that began the run, while it has a worker that lives and is not draining; then any other.
    #[default]
    Prefer,
    /// Only the one that began the run, or that moved it last under another policy.
    Pin,
    /// The newest one that has such a worker: it takes every run, and the others none.
    Latest,
}

/// A workflow whose runs a worker can execute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Its name.
    pub workflow: Arc<str>,
    /// Which of its runs the worker's deployment takes.
    pub policy: MovePolicy,
}

/// What a worker asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Who asks.
    pub worker: Worker,
    /// The workflows, at most [`MAX_CLAIM_WORKFLOWS`].
    pub workflows: Vec<Wanted>,
    /// The most runs that it has room for; [`MAX_CLAIM`] at most are given.
    pub max_runs: usize,
    /// How long the leases last, unless they are renewed.
    pub lease: Duration,
    /// The claims of a run that may end in a crash; after so many it is given out to be ended.
    pub max_claims: u32,
}

impl Claim {
    /// What every backend refuses. `queue` is its name.
    ///
    /// # Errors
    /// [`QueueErrorKind::Invalid`] for names that [`check_name`] refuses, for too many workflows, and for one that is named
    /// twice.
    pub fn check(&self, queue: &str) -> Result<(), QueueError> {
        let Self { worker, workflows, .. } = self;
        check_name(queue, "a worker's name", worker.id.as_str())?;
        check_name(queue, "a deployment's name", &worker.deployment)?;
        let names: BTreeSet<_> = workflows.iter().map(|wanted| &wanted.workflow).collect();
        if workflows.len() > MAX_CLAIM_WORKFLOWS || names.len() < workflows.len() {
            let text = format!(
                "worker `{}` names {} workflows in one claim: name each once, at most {MAX_CLAIM_WORKFLOWS}",
                worker.id,
                workflows.len()
            );
            return Err(QueueError::new(QueueErrorKind::Invalid, queue, text));
        }
        workflows.iter().try_for_each(|wanted| check_name(queue, "a workflow's name", &wanted.workflow))
    }
}

/// What a claim gave.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// The runs, each under a lease of its own.
    pub grants: Vec<Grant>,
    /// In how long a run becomes due or a lease runs out, of any workflow: when to claim again, unless
    /// [`RunQueue::wait`](super::RunQueue::wait) returns earlier. Zero if there was more to do than one claim does.
    pub next_due: Option<Duration>,
    /// What to give to [`RunQueue::wait`](super::RunQueue::wait): whatever comes after this claim is told there.
    pub cursor: u64,
}

/// A lease: who may work on a run, as far as the queue knows. It keeps others from starting the run, no more:
/// what keeps them from writing is the epoch of its stream.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The worker.
    pub worker: WorkerId,
    /// Unlike that of any other lease of this worker.
    pub number: u64,
}

/// A run that was given to a worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Under what.
    pub lease: Lease,
    /// The workflow's name.
    pub workflow: Arc<str>,
    /// The first event, unless a worker has said that the stream exists.
    pub first: Option<Payload>,
    /// Claims since the run made progress, this one included.
    pub claims: u32,
    /// It crashed too many workers: write the last event that says so, and release it as dead. Run nothing.
    pub exhausted: bool,
    /// How often it was woken so far: see [`Park::seen_wakes`].
    pub wakes: u64,
    /// The deployment that it was bound to, if that is another one.
    pub moved_from: Option<Arc<str>>,
}

/// What became of a lease that was to be renewed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewed {
    /// It lasts; the run was woken so often.
    Kept {
        /// See [`Park::seen_wakes`].
        wakes: u64,
    },
    /// The run is somebody else's, or nobody's: stop its work.
    Lost,
}

/// A lease to be renewed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// The lease.
    pub lease: Lease,
    /// Whether the run's stream exists by now: its first event need not be kept.
    pub opened: bool,
    /// Whether an outcome was recorded under this lease: the claims before it do not count any more.
    pub progressed: bool,
}

/// How a worker lets go of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Release {
    /// Its last event is in the stream: the queue forgets it.
    Done,
    /// Another worker is to go on with it at once (a drain). Does not count as a claim.
    Back,
    /// It cannot go on here and now (its sink does not answer, its input does not decode). Counts as a claim.
    Retry(Due),
    /// It waits. Does not count as a claim, and those before do not any more: it made progress.
    Park(Park),
    /// Its last event says that it was given up: it is listed as dead until it is removed.
    Dead,
}

/// What a run waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Park {
    /// The time at which it goes on in any case.
    pub due: Option<Due>,
    /// Whether it goes on when it is woken with [`Wake::Message`].
    pub on_message: bool,
    /// The number of wakes that the worker knew of **before** it looked into the inbox for the last time: from the grant or
    /// from a renewal. If there were more, the run is not parked but ready: nothing was missed in between.
    pub seen_wakes: u64,
}

/// What became of a release.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Released {
    /// The run was let go of as was asked.
    Released,
    /// It was to be parked, and was woken in the meantime: it is ready.
    Woken,
    /// The lease was not held (any more), or this is a repetition: nothing was changed.
    Lost,
}

/// Why a run is woken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wake {
    /// A message is in its inbox: one that was parked for messages is ready.
    Message,
    /// It must be looked at now (it was cancelled): one that was parked or delayed, for whatever, is ready.
    Now,
}
