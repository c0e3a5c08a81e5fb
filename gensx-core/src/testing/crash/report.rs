use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::Value;

use crate::{Error, ErrorKind, Result};

/// What came of ending a workflow's process at every event: see [`crash_points`](super::crash_points).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CrashReport {
    /// How the run ended that nothing interrupted.
    pub end: String,
    /// One for each of its events, in their order.
    pub points: Vec<CrashPoint>,
}

/// A process that ended right after an event became durable, and the run that was resumed from there.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct CrashPoint {
    /// How many events were durable.
    pub events: u64,
    /// The last of them, for people.
    pub last: String,
    /// The paths of the calls that were attempted before the crash and after it, one for each call. The components that were
    /// open are always among them: going through their bodies again is how a run is resumed.
    pub ran_twice: Vec<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// What is wrong with a run that was resumed.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It ended otherwise than the run that nothing interrupted.
    OtherEnd {
        /// How that one ended.
        first: String,
        /// How this one did.
        resumed: String,
    },
    /// A call was attempted after the crash although its outcome was recorded before it.
    RanThoughRecorded {
        /// The call's path.
        path: String,
    },
    /// A call was attempted that the run that nothing interrupted did not make: not all that it depends on is
    /// recorded.
    NewCall {
        /// The call's path.
        path: String,
    },
    /// A call of the run that nothing interrupted was not made.
    MissingCall {
        /// The call's path.
        path: String,
    },
    /// The run did not end in time.
    Stuck {
        /// The real time it had.
        limit: Duration,
    },
}

impl CrashReport {
    /// Whether nothing is wrong at any point.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.points.iter().all(|point| point.problems.is_empty())
    }

    /// Every problem, with its point.
    pub fn problems(&self) -> impl Iterator<Item = (&CrashPoint, &Problem)> {
        self.points.iter().flat_map(|point| point.problems.iter().map(move |problem| (point, problem)))
    }

    /// Whether a call of this path was attempted twice at any point.
    #[must_use]
    pub fn ran_twice(&self, path: &str) -> bool {
        self.points.iter().any(|point| point.ran_twice.iter().any(|twice| twice == path))
    }

    /// # Panics
    /// If anything is wrong at any point; the message lists what.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "{self}");
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = self.points.iter().filter(|point| !point.problems.is_empty()).count();
        writeln!(f, "{} crash points, {wrong} with problems", self.points.len())?;
        for (point, problem) in self.problems() {
            writeln!(f, "after event {} ({}): {problem}", point.events, point.last)?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherEnd { first, resumed } => {
                write!(f, "the resumed run ended with {resumed}, the one without a crash with {first}")
            }
            Self::RanThoughRecorded { path } => {
                write!(f, "`{path}` ran again although its outcome was recorded")
            }
            Self::NewCall { path } => write!(
                f,
                "`{path}` was called, which the run without a crash did not do: time, randomness or another outside read \
                 decides it; take that from a component, or from `gensx::now()`, `uuid()` or `random()`"
            ),
            Self::MissingCall { path } => {
                write!(f, "`{path}` was never called, which the run without a crash did")
            }
            Self::Stuck { limit } => write!(f, "the resumed run did not end within {limit:?}"),
        }
    }
}

/// Whether an output is as good as the first run's.
pub(super) type Same = dyn Fn(&Value, &Value) -> bool + Send + Sync;

/// How a run ended, to be compared.
#[derive(Debug)]
pub(super) enum Ended {
    Output(Value),
    Failed(Error),
}

impl Ended {
    pub(super) fn of<T: Serialize>(result: Result<T>) -> Self {
        match result.and_then(|output| Ok(serde_json::to_value(output)?)) {
            Ok(output) => Self::Output(output),
            Err(error) => Self::Failed(error),
        }
    }

    pub(super) fn is_as(&self, other: &Self, same: &Same) -> bool {
        /// What of an error is the same, live and replayed.
        fn said(error: &Error) -> (ErrorKind, Option<&str>, Option<&str>) {
            (error.kind(), error.code(), error.component())
        }
        match (self, other) {
            (Self::Output(first), Self::Output(other)) => same(first, other),
            (Self::Failed(first), Self::Failed(other)) => said(first) == said(other),
            _ => false,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(output) => write!(f, "the output {output}"),
            Self::Failed(error) => write!(f, "the error \"{error:#}\""),
        }
    }
}
