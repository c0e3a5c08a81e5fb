//! Looking over all runs.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Client, start::enqueue};
use crate::{
    Event, EventKind, Result, RunId,
    queue::{Enqueued, QueueErrorKind},
    sink::{Head, MAX_PAGE},
};

/// Runs that are looked at in one page.
const PAGE: usize = 500;
/// Runs that are looked at at once.
const AT_ONCE: usize = 16;

/// Which runs are listed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Listed {
    /// All that the sink has.
    All,
    /// Those that have not ended.
    #[default]
    Unfinished,
}

/// What was done for a page of unfinished runs.
pub(crate) struct Healed {
    /// Runs that were queued again.
    pub(crate) healed: u64,
    /// The page's last run; `None`: there are no more.
    pub(crate) more_after: Option<RunId>,
}

impl Client {
    /// The sink's runs in the order of their ids, from the first after `after`, up to `limit` and
    /// [`MAX_PAGE`](crate::sink::MAX_PAGE), with the workflow and the status of each. Cancel safe.
    ///
    /// ```
    /// # use gensx_core as gensx;
    /// # async fn example(client: gensx::Client) -> gensx::Result<()> {
    /// let mut after = None;
    /// loop {
    ///     let page = client.list(gensx::Listed::All, after.as_ref(), 100).await?;
    ///     let Some((last, _)) = page.last().cloned() else { break };
    ///     after = Some(last);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink).
    pub async fn list(
        &self,
        which: Listed,
        after: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<(RunId, Head)>> {
        let unfinished = which == Listed::Unfinished;
        Ok(self.sink().list(unfinished, after, limit.min(MAX_PAGE)).await?)
    }

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
            let page = self.heal_page(after.as_ref(), PAGE).await?;
            healed += page.healed;
            match page.more_after {
                Some(last) => after = Some(last),
                None => return Ok(healed),
            }
        }
    }

    /// Does the same to some unfinished runs, `limit` at most, from the first one after `after`.
    pub(crate) async fn heal_page(&self, after: Option<&RunId>, limit: usize) -> Result<Healed> {
        let page = self.list(Listed::Unfinished, after, limit).await?;
        let more_after = page.last().map(|(last, _)| last.clone());
        let each = stream::iter(page).map(|(run, head)| self.heal_one(run, head));
        let healed = each
            .buffer_unordered(AT_ONCE)
            .try_fold(0, |sum, fresh| async move { Ok(sum + u64::from(fresh)) })
            .await?;
        Ok(Healed { healed, more_after })
    }

    /// Whether it was queued again.
    async fn heal_one(&self, run: RunId, head: Head) -> Result<bool> {
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
        let entry = self.entry_again(run, &head.workflow, queued);
        Ok(enqueue(self, &entry).await? == Enqueued::Fresh)
    }
}

fn skipped(run: &RunId, error: &dyn std::error::Error) -> bool {
    tracing::warn!(run = %run, error = %error, "the run is damaged, and not looked at further");
    false
}
