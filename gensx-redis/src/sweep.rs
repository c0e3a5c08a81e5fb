//! What a sink does besides, in small steps: it takes runs from the lists whose streams have expired, and corrects the places of
//! those that ended with their process.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gensx_core::{RunId, sink::Head};
use redis::{Value, cmd};

use crate::{
    clock,
    error::Failure,
    index::{self, Named, Place, RECHECK_MS},
    keys::{self, INDEX_SHARDS, Index},
    reply,
    store::Store,
    thread,
};

/// Between two looks when nothing is left to do. Every process looks; that which comes later finds nothing.
const INTERVAL: Duration = Duration::from_secs(30);
/// Between two steps when there is more: others are to get on, too.
const PAUSE: Duration = Duration::from_millis(100);
/// Runs that one step takes from each shard of the lists.
const STEP_RUNS: usize = 256;
/// Runs that are looked at together.
const LOOKS_AT_ONCE: usize = 16;

pub(crate) fn start(store: &Arc<Store>) -> Result<(), Failure> {
    let store = Arc::downgrade(store);
    thread::spawn(sweep(store))
}

/// Ends with the sink.
async fn sweep(store: Weak<Store>) {
    while let Some(store) = store.upgrade() {
        let more = store.sweep(STEP_RUNS).await.unwrap_or_else(|failure| {
            // Nothing waits for it, and it is tried again.
            tracing::debug!(error = ?failure, "the lists of runs were not swept");
            false
        });
        drop(store);
        clock::sleep(if more { PAUSE } else { INTERVAL }).await;
    }
}

impl Store {
    /// Sets the lists of runs that are due by their streams, up to `limit` a shard. Whether there may be more.
    async fn sweep(&self, limit: usize) -> Result<bool, Failure> {
        let now = self.time_ms().await?;
        let mut more = false;
        for shard in 0..INDEX_SHARDS {
            let due = self.due(shard, now, limit).await?;
            more |= due.len() == limit;
            let settled = due.into_iter().map(|name| self.settle(shard, name));
            stream::iter(settled).buffer_unordered(LOOKS_AT_ONCE).try_collect::<()>().await?;
        }
        Ok(more)
    }

    /// The names that are to be looked at again.
    async fn due(&self, shard: u32, now_ms: u64, limit: usize) -> Result<Vec<String>, Failure> {
        let mut command = cmd("ZRANGEBYSCORE");
        command
            .arg(self.keys.index(shard, Index::Due))
            .arg("-inf")
            .arg(now_ms)
            .arg("LIMIT")
            .arg(0)
            .arg(limit);
        reply::texts(self.link.ask(command).await?)
    }

    /// Looks at one of them. Whatever it is, it is not due any more: none may keep the others from their turn.
    async fn settle(&self, shard: u32, name: String) -> Result<(), Failure> {
        let key = self.keys.index(shard, Index::Due);
        // One that is no run's, or of another shard, was written by something else.
        let Some((run, known)) = index::parse_due(&name).filter(|(run, _)| keys::shard(run) == shard) else {
            let mut remove = cmd("ZREM");
            remove.arg(key).arg(name);
            return self.link.ask(remove).await.map(drop);
        };
        let mut score = cmd("ZSCORE");
        score.arg(key).arg(&name);
        let Value::Double(due) = self.link.ask(score).await? else { return Ok(()) };
        let (place, workflow) = match self.standing(&run).await {
            Err(failure) if failure.is_of_one_run() => {
                tracing::debug!(run = %run, error = ?failure, "a run is left in the lists");
                (Place::Unknown, known.into())
            }
            standing => standing?,
        };
        // Of one that is gone, only the name among those that are due may say whose it was.
        let workflow = if workflow.is_empty() { known } else { &*workflow };
        let named = Named::due(&run, workflow, name.clone());
        self.place(&named, place, Some(&format!("{due:.0}"))).await.map(drop)
    }

    /// The place that a run is to have in the lists, by its stream, and its workflow's name, empty if there is no stream.
    pub(crate) async fn standing(&self, run: &RunId) -> Result<(Place, Arc<str>), Failure> {
        let mut left = cmd("PTTL");
        left.arg(self.keys.stream(run));
        let left = match self.link.ask(left).await? {
            Value::Int(left) => u64::try_from(left).ok(),
            _ => None,
        };
        let Some(Head { workflow, status, .. }) = self.head(run).await? else {
            return Ok((Place::Gone, Arc::default()));
        };
        let look_again_ms = left.map(|left| left + 1);
        let place = match status.is_ended() {
            true => Place::Ended { status, look_again_ms },
            // Only a probe's expires before its end.
            false => Place::Running { look_again: look_again_ms.map_or(RECHECK_MS, |ms| (ms, ms)) },
        };
        Ok((place, workflow))
    }
}
