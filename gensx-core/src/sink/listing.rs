//! Which runs are listed, what is told of each, and where a list goes on.

use std::{
    cmp::Ordering,
    fmt,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, EventId, RunId, event::RunStatus, queue::millis};

/// The most runs that one [`EventSink::list`](super::EventSink::list) looks at. A page ends there, with what it has found by
/// then, and says where the next one begins.
pub const MAX_LOOKED_AT: usize = 2_000;

/// Which runs are listed. Without conditions: all.
///
/// ```
/// # use gensx_core as gensx;
/// use std::time::{Duration, SystemTime};
///
/// use gensx::sink::RunFilter;
///
/// let yesterday = SystemTime::now() - Duration::from_secs(24 * 3600);
/// let filter = RunFilter::new().workflow("blog").failed().since(yesterday);
/// assert_eq!(filter.workflow.as_deref(), Some("blog"));
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct RunFilter {
    /// Of the workflow with this name.
    pub workflow: Option<Arc<str>>,
    /// How they stand.
    pub status: StatusFilter,
    /// That a worker of this deployment had last.
    pub deployment: Option<Arc<str>>,
    /// Started at or after this time, in milliseconds since 1970, by the store's clock.
    pub from_ms: u64,
    /// Started before this time.
    pub before_ms: Option<u64>,
}

/// How the runs of a list stand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum StatusFilter {
    /// Anyhow.
    #[default]
    Any,
    /// With this status.
    Is(RunStatus),
    /// They have reached their last event, in whatever way.
    Ended,
}

impl StatusFilter {
    /// Whether a run that stands so is listed.
    #[must_use]
    pub fn takes(self, status: RunStatus) -> bool {
        match self {
            Self::Any => true,
            Self::Is(wanted) => status == wanted,
            Self::Ended => status.is_ended(),
        }
    }
}

impl RunFilter {
    /// All runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those of the workflow with this name.
    #[must_use]
    pub fn workflow(mut self, name: impl Into<Arc<str>>) -> Self {
        self.workflow = Some(name.into());
        self
    }

    /// Only those with this status.
    #[must_use]
    pub fn status(mut self, status: RunStatus) -> Self {
        self.status = StatusFilter::Is(status);
        self
    }

    /// Only those that have not ended.
    #[must_use]
    pub fn unfinished(self) -> Self {
        self.status(RunStatus::Running)
    }

    /// Only those that have ended, in whatever way.
    #[must_use]
    pub fn ended(mut self) -> Self {
        self.status = StatusFilter::Ended;
        self
    }

    /// Only those that failed.
    #[must_use]
    pub fn failed(self) -> Self {
        self.status(RunStatus::Failed)
    }

    /// Only those that a worker of this deployment had last.
    #[must_use]
    pub fn deployment(mut self, name: impl Into<Arc<str>>) -> Self {
        self.deployment = Some(name.into());
        self
    }

    /// Only those that started at this time or later.
    #[must_use]
    pub fn since(mut self, time: SystemTime) -> Self {
        self.from_ms = since_1970_ms(time);
        self
    }

    /// Only those that started before this time.
    #[must_use]
    pub fn before(mut self, time: SystemTime) -> Self {
        self.before_ms = Some(since_1970_ms(time));
        self
    }

    /// Whether a run is one of them.
    #[must_use]
    pub fn takes(&self, run: &RunSummary) -> bool {
        self.workflow.as_ref().is_none_or(|name| *name == run.workflow)
            && self.status.takes(run.status)
            && (self.deployment.is_none() || self.deployment == run.deployment)
            && self.from_ms <= run.started_ms
            && self.before_ms.is_none_or(|before| run.started_ms < before)
    }
}

fn since_1970_ms(time: SystemTime) -> u64 {
    millis(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// What a list tells of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// Its workflow's name.
    pub workflow: Arc<str>,
    /// Running, or how it ended.
    pub status: RunStatus,
    /// When its stream was opened, in milliseconds since 1970, by the store's clock.
    pub started_ms: u64,
    /// When it was closed, by the same clock; none while it is not.
    pub ended_ms: Option<u64>,
    /// The deployment of the worker that had it last; none if that was an application, or nobody yet.
    pub deployment: Option<Arc<str>>,
    /// The id of its last event.
    pub last: EventId,
    /// The failed run that it retries.
    pub retry_of: Option<RunId>,
}

impl RunSummary {
    /// A run that began at `started_ms` and is running, of which nothing more is known.
    #[must_use]
    pub fn new(id: RunId, workflow: impl Into<Arc<str>>, started_ms: u64, last: EventId) -> Self {
        Self {
            id,
            workflow: workflow.into(),
            status: RunStatus::Running,
            started_ms,
            ended_ms: None,
            deployment: None,
            last,
            retry_of: None,
        }
    }

    /// When it started.
    #[must_use]
    pub fn started(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.started_ms)
    }

    /// Its place in a list.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.started_ms, self.id.clone())
    }
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct RunPage {
    /// The runs, newest first. There may be fewer than were asked for, even none, where `next` says that there may be more.
    pub runs: Vec<RunSummary>,
    /// Where the next page begins; none at the end of the list.
    pub next: Option<Cursor>,
}

impl RunPage {
    /// A page.
    #[must_use]
    pub fn new(runs: Vec<RunSummary>, next: Option<Cursor>) -> Self {
        Self { runs, next }
    }
}

/// A place in a list of runs: behind a run, whether that is still there or not. To users its text is a token that a page gave,
/// and that the next request gives back.
///
/// Cursors are ordered as lists are: by start, newest first, and by id, the last one first, where runs started in the same
/// millisecond.
///
/// ```
/// use gensx_core::sink::Cursor;
///
/// let newer = Cursor::new(1_790_000_000_001, "a".parse()?);
/// let older = Cursor::new(1_790_000_000_000, "b".parse()?);
/// assert!(newer < older);
/// assert_eq!(newer.to_string().parse::<Cursor>()?, newer);
/// # Ok::<(), gensx_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cursor {
    started_ms: u64,
    run: RunId,
}

impl Cursor {
    /// The place behind a run that started at `started_ms`.
    #[must_use]
    pub fn new(started_ms: u64, run: RunId) -> Self {
        Self { started_ms, run }
    }

    /// When that run started, in milliseconds since 1970.
    #[must_use]
    pub fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// That run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }
}

impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.started_ms, &other.run).cmp(&(self.started_ms, &self.run))
    }
}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.started_ms, self.run)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse_cursor(text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            let text = format!("invalid cursor {shown:?}: use the one that a page gave you");
            Error::of(ErrorKind::InvalidInput, text)
        })
    }
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    let (started, run) = text.split_once('-')?;
    // As it is written, and not as numbers may be besides: with a sign, or in capitals.
    let digits = !started.is_empty() && started.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let started_ms = u64::from_str_radix(started, 16).ok().filter(|_| digits)?;
    Some(Cursor::new(started_ms, run.parse().ok()?))
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cursors_come_back_and_are_ordered_as_lists_are(
            a: u64, b: u64, x in "[a-c.-]{1,3}", y in "[a-c.-]{1,3}",
        ) {
            let (Ok(x), Ok(y)) = (x.parse::<RunId>(), y.parse::<RunId>()) else { return Ok(()) };
            let (left, right) = (Cursor::new(a, x.clone()), Cursor::new(b, y.clone()));
            prop_assert_eq!(&left.to_string().parse::<Cursor>().unwrap(), &left);
            prop_assert_eq!(left.cmp(&right), (a, x).cmp(&(b, y)).reverse());
        }

        #[test]
        fn any_text_as_a_cursor_is_answered(text in ".{0,200}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn each_condition_counts() {
        let last = EventId::new(1, 1);
        let run = RunSummary {
            deployment: Some("green".into()),
            ..RunSummary::new("run".parse().unwrap(), "blog", 1_000, last)
        };
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let all = RunFilter::new;
        for taken in [
            all(),
            all().workflow("blog").unfinished().deployment("green").since(at(1_000)).before(at(1_001)),
        ] {
            assert!(taken.takes(&run), "{taken:?}");
        }
        for left in [
            all().workflow("other"),
            all().failed(),
            all().ended(),
            all().deployment("blue"),
            all().since(at(1_001)),
            all().before(at(1_000)),
        ] {
            assert!(!left.takes(&run), "{left:?}");
        }
    }
}
