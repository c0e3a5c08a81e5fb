//! The lists of runs: who is in which. The streams are the truth: a list may name a run that is not there (any more), never
//! the other way round, and what it names is looked at before it is told.
//!
//! A run's score says when it began, and how it stood when that was noted last: running, or how it ended, which does not change
//! any more. What is noted as running may have ended.

use gensx_core::{RunId, RunStatus};

use crate::{
    append::Closed,
    error::Failure,
    keys::{self, Index},
    reply, script,
    store::Store,
};

/// When a run that has not ended is looked at again, in ms: it may have ended with its process, or never begun. One that is
/// older, when it is twice as old, up to the second.
pub(crate) const RECHECK_MS: (u64, u64) = (600_000, 6 * 3_600_000);

/// What scores count besides the time, in the order of their numbers.
const STATUSES: [RunStatus; 4] =
    [RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled];

/// A run as it stands in lists.
pub(crate) struct Named<'a> {
    pub(crate) run: &'a RunId,
    /// Its workflow; empty if that is not known.
    pub(crate) workflow: &'a str,
    /// What names it among those that are due.
    due: String,
}

/// Where a run is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Among those that have not ended, unless it is listed already.
    Begins,
    /// The same, whatever is listed under its name.
    Anew,
    /// Among those that have not ended, to be looked at again after so many ms at least, and at most.
    Running { look_again: (u64, u64) },
    /// Among those that have ended, to be looked at again after so many ms.
    Ended { status: RunStatus, look_again_ms: Option<u64> },
    /// Where it is.
    Unknown,
    /// In none.
    Gone,
    /// In none, if it is still the one that began at this time, and that is longer ago than it takes to begin.
    Doubted { began_ms: u64 },
}

impl<'a> Named<'a> {
    pub(crate) fn new(run: &'a RunId, workflow: &'a str) -> Self {
        let due = if workflow.is_empty() { run.to_string() } else { format!("{run}\n{workflow}") };
        Self { run, workflow, due }
    }

    /// One that was due under this name.
    pub(crate) fn due(run: &'a RunId, workflow: &'a str, due: String) -> Self {
        Self { run, workflow, due }
    }
}

/// The run and the workflow that a name among those that are due stands for. The workflow is not told where it was not known.
pub(crate) fn parse_due(name: &str) -> Option<(RunId, &str)> {
    let (run, workflow) = name.split_once('\n').unwrap_or((name, ""));
    Some((run.parse().ok()?, workflow))
}

/// When a run began, by its score, and how it ended, if that was noted.
pub(crate) fn parse_score(score: u64) -> (u64, Option<RunStatus>) {
    let status = STATUSES[(score % STATUSES.len() as u64) as usize];
    (score / STATUSES.len() as u64, Some(status).filter(|status| status.is_ended()))
}

/// The lowest score of runs that began at this time.
pub(crate) fn lowest_score(started_ms: u64) -> u64 {
    started_ms.saturating_mul(STATUSES.len() as u64)
}

/// The highest.
pub(crate) fn highest_score(started_ms: u64) -> u64 {
    lowest_score(started_ms).saturating_add(STATUSES.len() as u64 - 1)
}

fn number_of(status: RunStatus) -> usize {
    STATUSES.iter().position(|known| *known == status).unwrap_or_default()
}

impl Store {
    /// Puts a run that is about to begin into the lists. One that is named there already goes on, or is left of a run that is
    /// gone: then it begins now.
    pub(crate) async fn enlist(&self, run: &RunId, workflow: &str) -> Result<(), Failure> {
        let named = Named::new(run, workflow);
        if !self.place(&named, Place::Begins, None).await? && self.head(run).await?.is_none() {
            self.place(&named, Place::Anew, None).await?;
        }
        Ok(())
    }

    /// Takes a run that has ended from the list of the others. A failure is made good by whoever lists, and by the sweep.
    pub(crate) async fn strike(&self, run: &RunId, status: RunStatus, closed: Option<Closed>) {
        let struck = match closed {
            Some(Closed { workflow, kept_ms }) => {
                let place = Place::Ended { status, look_again_ms: kept_ms };
                self.place(&Named::new(run, &workflow), place, None).await.map(drop)
            }
            None => self.correct(run).await,
        };
        if let Err(failure) = struck {
            tracing::debug!(run = %run, error = ?failure, "a run that ended stays listed as unfinished for now");
        }
    }

    /// Sets the lists by the run's stream.
    pub(crate) async fn correct(&self, run: &RunId) -> Result<(), Failure> {
        let (place, workflow) = self.standing(run).await?;
        self.place(&Named::new(run, &workflow), place, None).await.map(drop)
    }

    pub(crate) async fn unlist(&self, run: &RunId, workflow: &str) -> Result<(), Failure> {
        self.place(&Named::new(run, workflow), Place::Gone, None).await.map(drop)
    }

    /// Whether something was set. `only_if_due`: not when somebody else has set it in the meantime.
    pub(crate) async fn place(
        &self,
        named: &Named<'_>,
        place: Place,
        only_if_due: Option<&str>,
    ) -> Result<bool, Failure> {
        let shard = keys::shard(named.run);
        let lists = [Index::All, Index::Unfinished, Index::Due, Index::Workflow(named.workflow)];
        let keys = lists.map(|index| self.keys.index(shard, index));
        let (what, status, look_again) = match place {
            Place::Begins => ("begins", RunStatus::Running, Some(RECHECK_MS)),
            Place::Anew => ("anew", RunStatus::Running, Some(RECHECK_MS)),
            Place::Running { look_again } => ("runs", RunStatus::Running, Some(look_again)),
            Place::Ended { status, look_again_ms } => ("ends", status, look_again_ms.map(|ms| (ms, ms))),
            Place::Unknown => ("waits", RunStatus::Running, Some(RECHECK_MS)),
            Place::Gone => ("gone", RunStatus::Running, None),
            Place::Doubted { began_ms } => ("doubted", RunStatus::Running, Some((RECHECK_MS.0, began_ms))),
        };
        let (least, most) = look_again.map_or((String::new(), 0), |(least, most)| (least.to_string(), most));
        let request = script::INDEX.on(&[&keys[0], &keys[1], &keys[2], &keys[3]], |command| {
            command.arg(named.run.as_str()).arg(&named.due).arg(what).arg(number_of(status));
            command.arg(least).arg(most).arg(only_if_due.unwrap_or_default());
        });
        Ok(reply::number(&self.link.ask(request).await?)? == 1)
    }

    /// Takes out a listed run that has no stream, unless it began so lately that it may be about to get one, or has begun
    /// anew since it was seen.
    pub(crate) async fn doubt(&self, named: &Named<'_>, began_ms: u64) -> Result<(), Failure> {
        self.place(named, Place::Doubted { began_ms }, None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn scores_come_back_and_are_in_the_order_of_starts(a in 0_u64..1 << 50, b in 0_u64..1 << 50) {
            for status in STATUSES {
                let score = lowest_score(a) + number_of(status) as u64;
                prop_assert_eq!(parse_score(score), (a, Some(status).filter(|status| status.is_ended())));
                prop_assert!(score <= highest_score(a));
                prop_assert_eq!(score < lowest_score(b), a < b);
            }
        }

        #[test]
        fn names_of_what_is_due_come_back(run in "[a-z-]{1,9}", workflow in "(?s).{0,9}") {
            let run: RunId = run.parse().unwrap();
            let due = Named::new(&run, &workflow).due;
            prop_assert_eq!(parse_due(&due), Some((run, workflow.as_str())));
        }

        #[test]
        fn any_name_and_score_are_answered(name: String, score: u64) {
            let _ = (parse_due(&name), parse_score(score), highest_score(score));
        }
    }
}
