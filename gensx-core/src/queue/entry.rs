//! What is put into a queue.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{QueueError, QueueErrorKind};
use crate::{RunId, sink::Payload};

/// The longest name of a workflow, a deployment, a worker or a limit, and the longest key, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// The most limits that one run may have.
pub const MAX_LIMITS_PER_RUN: usize = 4;
/// The most runs that wait in a queue, unless [`Enqueue::max_waiting`] says otherwise.
pub const DEFAULT_MAX_WAITING: u64 = 1_000_000;

/// When something may happen, by the store's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// At once.
    Now,
    /// So long after the store has heard of it.
    After(Duration),
    /// At this time of the store, in milliseconds since 1970.
    AtMs(u64),
}

impl Due {
    /// The time in milliseconds since 1970, where it is `now_ms`; `None` for what is due already.
    #[must_use]
    pub fn later_than(self, now_ms: u64) -> Option<u64> {
        let at = match self {
            Self::Now => return None,
            Self::After(wait) => now_ms.saturating_add(millis(wait)),
            Self::AtMs(at) => at,
        };
        (at > now_ms).then_some(at)
    }
}

/// A duration as stores count it: whole milliseconds, rounded up, so that nothing is due too early.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A bound on how many runs execute at once in the whole fleet: of all that carry the same name and key, at most `max`
/// hold a lease. The keys of one name take turns.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Limit {
    /// The name of the group, such as `onboarding`.
    pub name: Arc<str>,
    /// Whose turn it is, such as a customer's id; empty for one bound on the whole group.
    pub key: Arc<str>,
    /// The most runs at once, at least 1. Where runs of one name and key differ, each goes by its own.
    pub max: u32,
}

/// A caller's own name for a start: whoever starts the same workflow under it again gets the first one's run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdempotencyKey {
    /// The key, unique within the workflow.
    pub key: Arc<str>,
    /// How long it is remembered, from the enqueue on, also after the run has ended.
    pub ttl: Duration,
}

/// A run to be queued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enqueue {
    /// The run.
    pub run: RunId,
    /// The workflow's name.
    pub workflow: Arc<str>,
    /// The encoded first event of its stream, `run.started`. It is kept until a worker says that the stream exists;
    /// `None` for a run whose stream is there already.
    pub first: Option<Payload>,
    /// Higher goes first, strictly: runs of a lower priority wait while there are any of a higher one.
    pub priority: i8,
    /// When it may be claimed at the earliest.
    pub due: Due,
    /// What it must not exceed together with others, in any order: see [`gates`](Self::gates).
    pub limits: Vec<Limit>,
    /// The caller's own name for this start.
    pub key: Option<IdempotencyKey>,
    /// It is refused if so many runs wait already.
    pub max_waiting: u64,
}

impl Enqueue {
    /// A run of `workflow` that is due at once, with priority 0 and no limits.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gensx_core::{RunId, queue::{Due, Enqueue}};
    ///
    /// let later = Enqueue { due: Due::After(Duration::from_secs(60)), ..Enqueue::new(RunId::generate(), "digest") };
    /// assert!(later.check("memory").is_ok());
    /// ```
    #[must_use]
    pub fn new(run: RunId, workflow: impl Into<Arc<str>>) -> Self {
        Self {
            run,
            workflow: workflow.into(),
            first: None,
            priority: 0,
            due: Due::Now,
            limits: Vec::new(),
            key: None,
            max_waiting: DEFAULT_MAX_WAITING,
        }
    }

    /// What every backend refuses. `queue` is its name.
    ///
    /// # Errors
    /// [`QueueErrorKind::Invalid`] for a name or key that [`check_name`] refuses, for more than
    /// [`MAX_LIMITS_PER_RUN`] limits, for one that is given twice, and for one of 0.
    pub fn check(&self, queue: &str) -> Result<(), QueueError> {
        let Self { run, workflow, limits, key, .. } = self;
        let invalid = |text: String| Err(QueueError::new(QueueErrorKind::Invalid, queue, text));
        check_name(queue, "a workflow's name", workflow)?;
        if let Some(key) = key {
            check_name(queue, "an idempotency key", &key.key)?;
        }
        if limits.len() > MAX_LIMITS_PER_RUN {
            return invalid(format!(
                "run `{run}` has {} limits, {MAX_LIMITS_PER_RUN} are allowed",
                limits.len()
            ));
        }
        let mut seen = BTreeSet::new();
        for Limit { name, key, max } in limits {
            check_name(queue, "a limit's name", name)?;
            if !key.is_empty() {
                check_name(queue, "a limit's key", key)?;
            }
            if *max == 0 || !seen.insert((name, key)) {
                return invalid(format!(
                    "the limit `{name}` of run `{run}` must be at least 1, and be given once for a key"
                ));
            }
        }
        Ok(())
    }

    /// The limits in the one order in which every run passes them: those with a key first, by name and key, then those
    /// of whole groups. One order for all, since a run keeps its turn in one limit while it waits for the next: with two
    /// orders, two runs could wait for each other. Keys first, so that they take turns within a group's bound.
    #[must_use]
    pub fn gates(&self) -> Vec<Limit> {
        let mut gates = self.limits.clone();
        let order = |limit: &Limit| (limit.key.is_empty(), Arc::clone(&limit.name), Arc::clone(&limit.key));
        gates.sort_by_key(order);
        gates
    }
}

/// Whether a name or key may be used in a queue: 1 to [`MAX_NAME_BYTES`] bytes without control characters, so that
/// stores can join several with one between them.
///
/// # Errors
/// [`QueueErrorKind::Invalid`], and `what` it is.
pub fn check_name(queue: &str, what: &str, name: &str) -> Result<(), QueueError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "it is longer than 256 bytes"
    } else if name.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(());
    };
    let shown: String = name.chars().take(40).collect();
    Err(QueueError::new(
        QueueErrorKind::Invalid,
        queue,
        format!("{what}, {shown:?}, cannot be used: {reason}"),
    ))
}

/// What became of a run that was to be queued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Enqueued {
    /// It was queued.
    Fresh,
    /// It is in the queue already, in whatever state; or there was an earlier run under its idempotency key: this one.
    /// Nothing was changed.
    Known(RunId),
}
