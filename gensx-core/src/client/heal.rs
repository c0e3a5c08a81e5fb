//! Looking over all runs.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Client, start::enqueue};
use crate::{
    Event, EventKind, Result, RunId,
    queue::{Enqueued, QueueErrorKind},
    sink::{Cursor, RunPage, RunSummary},
};

/// Runs that are looked at in one page.
const PAGE: usize = 500;
/// Runs that are looked at at once.
const AT_ONCE: usize = 16;

/// What was done for a page of unfinished runs.
pub(crate) struct Healed {
    /// Runs that were queued again.
    pub(crate) healed: u64,
    /// Where the next page begins; `None`: there are no more.
    pub(crate) next: Option<Cursor>,
}

impl Client {
    /// Queues again whatever a crash or a queue that lost its memory has left: runs of the sink that were started through a
    /// queue, have not ended, and are not queued. Gives how many. Runs that an application executes by itself are left to it.
    ///
    /// Workers do this by themselves, every [`heal_every`](crate::WorkerBuilder::heal_every): it is for who cannot wait for
    /// them. It reads the list of all unfinished runs. Any number of them may do it at once.
    ///
    /// Cancel safe: what was queued stays so.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink).
    pub async fn heal(&self) -> Result<u64> {
        let (mut healed, mut after) = (0, None);
        loop {
            let page = self.heal_page(after, PAGE).await?;
            healed += page.healed;
            after = page.next;
            if after.is_none() {
                return Ok(healed);
            }
        }
    }

    /// Does the same to some unfinished runs, `limit` at most, from the first one behind `after`, the newest first.
    pub(crate) async fn heal_page(&self, after: Option<Cursor>, limit: usize) -> Result<Healed> {
        let RunPage { runs, next } = self.list().unfinished().go_on(after).limit(limit).await?;
        let each = stream::iter(runs).map(|run| self.heal_one(run));
        let healed = each
            .buffer_unordered(AT_ONCE)
            .try_fold(0, |sum, fresh| async move { Ok(sum + u64::from(fresh)) })
            .await?;
        Ok(Healed { healed, next })
    }

    /// Whether it was queued again.
    async fn heal_one(&self, RunSummary { id: run, workflow, .. }: RunSummary) -> Result<bool> {
        match self.backend().queue().find(&run).await {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(false),
            // It is there; one that is damaged must not keep others from being healed.
            Err(error) if error.kind() == QueueErrorKind::Corrupt => return Ok(skipped(&run, &error)),
            Err(error) => return Err(error.into()),
        }
        // It may have ended since it was listed, and been let go of for that.
        if self.sink().head(&run).await?.is_none_or(|now| now.status.is_ended()) {
            return Ok(false);
        }
        let page = self.sink().read(&run, 0, 1).await?;
        let Some(first) = page.first() else { return Ok(false) };
        let queued = match Event::decode(first.id, &first.payload) {
            Ok(Event { kind: EventKind::RunStarted { queued: Some(queued), .. }, .. }) => queued,
            Ok(_) => return Ok(false),
            Err(error) => return Ok(skipped(&run, &error)),
        };
        let entry = self.entry_again(run, &workflow, queued);
        Ok(enqueue(self, &entry).await? == Enqueued::Fresh)
    }
}

fn skipped(run: &RunId, error: &dyn std::error::Error) -> bool {
    tracing::warn!(run = %run, error = %error, "the run is damaged, and not looked at further");
    false
}
