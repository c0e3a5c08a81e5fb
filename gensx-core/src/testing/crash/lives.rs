//! What the two processes of a run did, beside what the first run did. Pure.

use std::collections::BTreeMap;

use super::{Problem, history::History};
use crate::{CallId, testing::Calls};

/// A run that crashed and was resumed.
pub(super) struct Lives<'a> {
    /// What happened in the run that nothing interrupted.
    pub(super) first: &'a Calls,
    /// What happened before the crash.
    pub(super) before: &'a Calls,
    /// What happened after it.
    pub(super) after: &'a Calls,
    /// The stream at the crash.
    pub(super) recorded: &'a History,
    /// The stream at the end.
    pub(super) whole: &'a History,
}

/// Calls that were attempted, and their paths.
type Attempted<'a> = BTreeMap<CallId, &'a str>;

fn attempted(calls: &Calls) -> Attempted<'_> {
    let attempts = calls.iter().filter(|call| call.happened.is_attempt());
    attempts.map(|call| (call.id, call.path.as_str())).collect()
}

fn paths<'a>(calls: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut paths: Vec<String> = calls.map(str::to_owned).collect();
    paths.sort_unstable();
    paths
}

impl Lives<'_> {
    /// The paths of calls that were attempted before the crash and after it.
    pub(super) fn ran_twice(&self) -> Vec<String> {
        let before = attempted(self.before);
        let again = attempted(self.after).into_iter().filter(|(id, _)| before.contains_key(id));
        paths(again.map(|(_, path)| path))
    }

    pub(super) fn ran_though_recorded(&self) -> Vec<Problem> {
        let again = attempted(self.after).into_iter().filter(|(id, _)| self.recorded.holds(*id, self.whole));
        paths(again.map(|(_, path)| path))
            .into_iter()
            .map(|path| Problem::RanThoughRecorded { path })
            .collect()
    }

    pub(super) fn other_calls(&self) -> Vec<Problem> {
        let first = attempted(self.first);
        let mut both = attempted(self.before);
        both.extend(attempted(self.after));
        let added = both.iter().filter(|(id, _)| !first.contains_key(id)).map(|(_, path)| *path);
        let missing = first.iter().filter(|(id, _)| !both.contains_key(id)).map(|(_, path)| *path);
        let added = paths(added).into_iter().map(|path| Problem::NewCall { path });
        let missing = paths(missing).into_iter().map(|path| Problem::MissingCall { path });
        added.chain(missing).collect()
    }
}
