//! The lists of runs. The streams are the truth: a list may name a run that is not there (any more), never the other
//! way round, and what it names is looked at before it is told.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gensx_core::{
    RunId,
    sink::{Head, MAX_PAGE},
};
use redis::cmd;

use crate::{
    error::Failure,
    keys::{self, INDEX_SHARDS, Index},
    reply, script,
    store::Store,
};

/// Runs that are looked at together.
const LOOKS_AT_ONCE: usize = 64;
/// When a run that is listed and has no stream is looked at again, in ms: it may be about to begin.
pub(crate) const RECHECK_MS: u64 = 600_000;

/// In which lists a run is to be.
pub(crate) struct Listed {
    pub(crate) all: bool,
    pub(crate) unfinished: bool,
    /// In how many milliseconds it is to be looked at again.
    pub(crate) due_ms: Option<u64>,
}

impl Store {
    /// Puts a run that is about to begin into the lists.
    pub(crate) async fn enlist(&self, run: &RunId) -> Result<(), Failure> {
        self.set_listed(run, Listed { all: true, unfinished: true, due_ms: None }, None).await.map(drop)
    }

    /// Takes a run that has ended from the list of the others. A failure is made good by whoever lists.
    pub(crate) async fn strike(&self, run: &RunId) {
        if let Err(failure) = self.try_strike(run).await {
            tracing::debug!(run = %run, error = ?failure, "a run that ended stays listed as unfinished for now");
        }
    }

    async fn try_strike(&self, run: &RunId) -> Result<(), Failure> {
        let wanted = Listed { all: true, unfinished: false, due_ms: self.retention_ms };
        self.set_listed(run, wanted, None).await.map(drop)
    }

    pub(crate) async fn unlist(&self, run: &RunId) -> Result<(), Failure> {
        self.set_listed(run, Listed { all: false, unfinished: false, due_ms: None }, None).await.map(drop)
    }

    /// `only_if_due`: does nothing when somebody else has set it in the meantime.
    pub(crate) async fn set_listed(
        &self,
        run: &RunId,
        wanted: Listed,
        only_if_due: Option<&str>,
    ) -> Result<bool, Failure> {
        let shard = keys::shard(run);
        let keys = [Index::All, Index::Unfinished, Index::Due].map(|index| self.keys.index(shard, index));
        let request = script::INDEX.on(&[&keys[0], &keys[1], &keys[2]], |command| {
            command.arg(run.as_str()).arg(u8::from(wanted.all)).arg(u8::from(wanted.unfinished));
            command.arg(wanted.due_ms.map(|due| due.to_string()).unwrap_or_default());
            command.arg(only_if_due.unwrap_or_default());
        });
        Ok(reply::number(&self.link.ask(request).await?)? == 1)
    }

    pub(crate) async fn list(
        &self,
        unfinished: bool,
        after: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<(RunId, Head)>, Failure> {
        let limit = limit.clamp(1, MAX_PAGE);
        let mut after = after.cloned();
        loop {
            let named = self.named(unfinished, after.as_ref(), limit).await?;
            let Some(last) = named.last().cloned() else { return Ok(Vec::new()) };
            let looks = named.into_iter().map(|run| self.look(unfinished, run));
            let seen: Vec<_> = stream::iter(looks).buffered(LOOKS_AT_ONCE).try_collect().await?;
            let page: Vec<_> = seen.into_iter().flatten().collect();
            if !page.is_empty() {
                return Ok(page);
            }
            // All of them are gone: an empty page would say that there are no more.
            after = Some(last);
        }
    }

    /// A listed run, if it is what the list says. One whose stream others wrote to is left out, and does not hide the rest:
    /// whoever reads it is told.
    async fn look(&self, unfinished: bool, run: RunId) -> Result<Option<(RunId, Head)>, Failure> {
        match self.head(&run).await {
            Ok(None) => {
                self.doubt(&run).await?;
                Ok(None)
            }
            Ok(Some(head)) if unfinished && head.status.is_ended() => {
                self.strike(&run).await;
                Ok(None)
            }
            Ok(Some(head)) => Ok(Some((run, head))),
            Err(failure) if failure.is_of_one_run() => {
                tracing::warn!(run = %run, error = ?failure, "a run is left out of a list");
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Has a listed run without a stream looked at again, unless that is so already.
    async fn doubt(&self, run: &RunId) -> Result<(), Failure> {
        let due = self.time_ms().await? + RECHECK_MS;
        let mut command = cmd("ZADD");
        command.arg(self.keys.index(keys::shard(run), Index::Due)).arg("NX").arg(due).arg(run.as_str());
        self.link.ask(command).await.map(drop)
    }

    /// The next runs that are listed, at least one if there are any.
    async fn named(
        &self,
        unfinished: bool,
        after: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<RunId>, Failure> {
        let index = if unfinished { Index::Unfinished } else { Index::All };
        let each = limit.div_ceil(INDEX_SHARDS as usize) * 2;
        let pages = (0..INDEX_SHARDS).map(|shard| async move {
            let from = after.map_or("-".to_owned(), |run| format!("({run}"));
            let mut command = cmd("ZRANGEBYLEX");
            command.arg(self.keys.index(shard, index)).arg(from).arg("+").arg("LIMIT").arg(0).arg(each);
            let names = reply::texts(self.link.ask(command).await?)?;
            // A name that is none was written by something else; there is no run to it.
            Ok::<_, Failure>((
                names.len() == each,
                names.iter().filter_map(|name| name.parse().ok()).collect(),
            ))
        });
        let pages = stream::iter(pages).buffered(INDEX_SHARDS as usize).try_collect().await?;
        Ok(merge(pages, limit))
    }
}

/// The first `limit` of the runs on several sorted pages. Of a page that is full the rest is not known, so nothing
/// beyond its end is told.
fn merge(pages: Vec<(bool, Vec<RunId>)>, limit: usize) -> Vec<RunId> {
    let known_to = pages.iter().filter(|(full, _)| *full).filter_map(|(_, page)| page.last()).min().cloned();
    let mut runs: Vec<RunId> = pages.into_iter().flat_map(|(_, page)| page).collect();
    runs.sort_unstable();
    runs.retain(|run| known_to.as_ref().is_none_or(|known_to| run <= known_to));
    runs.truncate(limit);
    runs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_of_a_merge_are_the_sorted_whole(
            names in prop::collection::btree_set("[a-c]{1,4}", 0..60),
            shards in 1_usize..5,
            limit in 1_usize..7,
        ) {
            let runs: BTreeSet<RunId> = names.iter().map(|name| name.parse().unwrap()).collect();
            let each = limit.div_ceil(shards) * 2;
            let (mut told, mut after) = (Vec::new(), None::<RunId>);
            loop {
                let pages = (0..shards).map(|shard| {
                    let mine = runs.iter().filter(|run| keys::shard(run) as usize % shards == shard);
                    let rest = mine.filter(|run| after.as_ref().is_none_or(|after| *run > after));
                    let page: Vec<RunId> = rest.take(each).cloned().collect();
                    (page.len() == each, page)
                });
                let page = merge(pages.collect(), limit);
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                told.extend(page);
            }
            prop_assert_eq!(told, runs.into_iter().collect::<Vec<_>>());
        }
    }
}
