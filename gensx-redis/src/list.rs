//! Reading the lists of runs.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gensx_core::{
    RunId, RunStatus,
    sink::{Cursor, MAX_LOOKED_AT, MAX_PAGE, RunFilter, RunPage, RunSummary, StatusFilter},
};
use redis::cmd;

use crate::{
    error::Failure,
    index::{self, Named},
    keys::{INDEX_SHARDS, Index},
    reply,
    store::Store,
};

/// Runs that are looked at together.
const LOOKS_AT_ONCE: usize = 64;
/// The fewest, where few are wanted: some of them may not be what the list says.
const LEAST_LOOKS: usize = 8;
/// Names that are asked of each shard at once.
const MAX_EACH: usize = MAX_LOOKED_AT / INDEX_SHARDS as usize;
/// The same, where more runs than that began in one millisecond: within it, names are in no order that pages could go by.
const MAX_EACH_OF_A_MOMENT: usize = 16_384;

/// A name in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Candidate {
    place: Cursor,
    /// How it ended, where that was noted.
    ended: Option<RunStatus>,
}

/// What one shard named.
struct Part {
    names: Vec<Candidate>,
    /// When the last of them began, if there may be more behind them.
    unknown_from: Option<u64>,
}

impl Store {
    pub(crate) async fn list(
        &self,
        filter: &RunFilter,
        mut after: Option<Cursor>,
        limit: usize,
    ) -> Result<RunPage, Failure> {
        let limit = limit.clamp(1, MAX_PAGE);
        let mut each = (limit.div_ceil(INDEX_SHARDS as usize) * 2).min(MAX_EACH);
        let (mut runs, mut left) = (Vec::new(), MAX_LOOKED_AT);
        loop {
            let (mut names, mut over) = self.named(filter, after.as_ref(), each).await?;
            over &= names.len() <= left;
            names.truncate(left);
            left -= names.len();
            let mut rest = names.as_slice();
            while !rest.is_empty() {
                let (some, others) = rest.split_at(looks(limit - runs.len()).min(rest.len()));
                let looked = stream::iter(some.to_vec()).map(|name| self.look(filter, name));
                let seen: Vec<_> = looked.buffered(LOOKS_AT_ONCE).try_collect().await?;
                for (n, run) in seen.into_iter().enumerate() {
                    runs.extend(run);
                    if runs.len() == limit {
                        let more = !over || !others.is_empty() || n + 1 < some.len();
                        return Ok(RunPage::new(runs, more.then(|| some[n].place.clone())));
                    }
                }
                rest = others;
            }
            let last = names.pop().map(|last| last.place);
            if over || last.is_none() {
                return Ok(RunPage::new(runs, None));
            }
            after = last;
            if left == 0 {
                return Ok(RunPage::new(runs, after));
            }
            each = (each * 2).min(MAX_EACH);
        }
    }

    /// A listed run, if it is what is asked for. One whose stream others wrote to is left out, and does not hide the rest:
    /// whoever reads it is told.
    async fn look(&self, filter: &RunFilter, name: Candidate) -> Result<Option<RunSummary>, Failure> {
        if name.ended.is_some_and(|status| !filter.status.takes(status)) {
            return Ok(None);
        }
        let run = name.place.run();
        match self.summary(run, name.place.started_ms()).await {
            Ok(None) => {
                let named = Named::new(run, filter.workflow.as_deref().unwrap_or_default());
                self.doubt(&named, name.place.started_ms()).await?;
                Ok(None)
            }
            Ok(Some(summary)) => {
                if summary.status.is_ended() && name.ended.is_none() {
                    self.strike(run, summary.status, None).await;
                }
                Ok(Some(summary).filter(|summary| filter.takes(summary)))
            }
            Err(failure) if failure.is_of_one_run() => {
                tracing::warn!(run = %run, error = ?failure, "a run is left out of a list");
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The next runs that are listed, at least one if there are any; and whether there are no more behind them.
    async fn named(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        each: usize,
    ) -> Result<(Vec<Candidate>, bool), Failure> {
        let mut each = each;
        loop {
            let parts = (0..INDEX_SHARDS).map(|shard| self.named_by(shard, filter, after, each));
            let parts = stream::iter(parts).buffered(INDEX_SHARDS as usize).try_collect().await?;
            let last_try = each >= MAX_EACH_OF_A_MOMENT;
            let (names, over) = merge(parts, after, last_try);
            if over || last_try || !names.is_empty() {
                return Ok((names, over));
            }
            each = (each * 4).min(MAX_EACH_OF_A_MOMENT);
        }
    }

    async fn named_by(
        &self,
        shard: u32,
        filter: &RunFilter,
        after: Option<&Cursor>,
        each: usize,
    ) -> Result<Part, Failure> {
        let index = match (&filter.workflow, filter.status) {
            (Some(workflow), _) => Index::Workflow(workflow),
            (None, StatusFilter::Is(RunStatus::Running)) => Index::Unfinished,
            (None, _) => Index::All,
        };
        let mut command = cmd("ZRANGE");
        command.arg(self.keys.index(shard, index));
        // From the newest on.
        command.arg(highest(filter, after)).arg(index::lowest_score(filter.from_ms));
        command.arg("BYSCORE").arg("REV").arg("LIMIT").arg(0).arg(each).arg("WITHSCORES");
        let names = reply::scored(self.link.ask(command).await?)?;
        Ok(Part::new(&names, each))
    }
}

impl Part {
    /// What came where `each` names were asked for.
    fn new(names: &[(String, u64)], each: usize) -> Self {
        let last = names.last().filter(|_| names.len() == each);
        let unknown_from = last.map(|(_, score)| index::parse_score(*score).0);
        // A name that is none was written by something else; there is no run to it.
        Self {
            names: names.iter().filter_map(|(name, score)| candidate(name, *score)).collect(),
            unknown_from,
        }
    }
}

/// How many names are looked at where so many runs are wanted.
fn looks(wanted: usize) -> usize {
    wanted.clamp(LEAST_LOOKS, LOOKS_AT_ONCE)
}

fn candidate(name: &str, score: u64) -> Option<Candidate> {
    let (started_ms, ended) = index::parse_score(score);
    Some(Candidate { place: Cursor::new(started_ms, name.parse::<RunId>().ok()?), ended })
}

/// The highest score that is asked for, as the command takes it.
fn highest(filter: &RunFilter, after: Option<&Cursor>) -> String {
    let until = after.map(|after| index::highest_score(after.started_ms()));
    match filter.before_ms.map(index::lowest_score) {
        Some(before) if until.is_none_or(|until| before <= until) => format!("({before}"),
        _ => until.map_or_else(|| "+inf".to_owned(), |until| until.to_string()),
    }
}

/// The runs on the parts of several shards behind a place, in the order of a list; and whether there are no more behind them. Of a
/// part that is full the rest is not known, nor whether it has all that began with its last: nothing from there on is told,
/// unless that is all there will be.
fn merge(parts: Vec<Part>, after: Option<&Cursor>, last_try: bool) -> (Vec<Candidate>, bool) {
    let unknown_from = parts.iter().filter_map(|part| part.unknown_from).max();
    let mut names: Vec<Candidate> = parts.into_iter().flat_map(|part| part.names).collect();
    names.retain(|name| {
        let began = name.place.started_ms();
        after.is_none_or(|after| *after < name.place)
            && unknown_from.is_none_or(|from| began > from || (last_try && began == from))
    });
    names.sort_unstable_by(|a, b| a.place.cmp(&b.place));
    (names, unknown_from.is_none())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::keys;

    /// What a shard answers: names by their scores and, where these are the same, by themselves, from the highest on.
    fn part(runs: &BTreeSet<(u64, RunId)>, shard: usize, shards: usize, to: u64, each: usize) -> Part {
        let mine = runs.iter().rev().filter(|(_, run)| keys::shard(run) as usize % shards == shard);
        let rest = mine.filter(|(score, _)| *score <= to).take(each);
        let names: Vec<_> = rest.map(|(score, run)| (run.to_string(), *score)).collect();
        Part::new(&names, each)
    }

    proptest! {
        #[test]
        fn parts_of_a_list_are_the_sorted_whole(
            named in prop::collection::btree_map("[a-c]{1,4}", 0..30_u64, 0..60),
            shards in 1_usize..5,
            first in 1_usize..7,
        ) {
            let runs: BTreeSet<(u64, RunId)> =
                named.iter().map(|(name, score)| (*score, name.parse().unwrap())).collect();
            let (mut told, mut after, mut each) = (Vec::new(), None::<Cursor>, first);
            loop {
                let to = after.as_ref().map_or(u64::MAX, |after| index::highest_score(after.started_ms()));
                let parts = (0..shards).map(|shard| part(&runs, shard, shards, to, each)).collect();
                let (names, over) = merge(parts, after.as_ref(), false);
                if let Some(last) = names.last() {
                    after = Some(last.place.clone());
                    each = first;
                } else {
                    each *= 4;
                }
                told.extend(names.into_iter().map(|name| name.place));
                if over {
                    break;
                }
            }
            let mut whole: Vec<_> =
                runs.iter().map(|(score, run)| Cursor::new(index::parse_score(*score).0, run.clone())).collect();
            whole.sort_unstable();
            prop_assert_eq!(told, whole);
        }
    }
}
