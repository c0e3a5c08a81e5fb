//! Looking over all runs.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Client, start::enqueue};
use crate::{
    Event, EventKind, Result, RunId,
    queue::Enqueued,
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
    /// It reads the list of all unfinished runs: for an operator, or a timer of minutes. Any number of them may do it at once.
    ///
    /// Cancel safe: what was queued stays so.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink).
    pub async fn heal(&self) -> Result<u64> {
        let (mut healed, mut after) = (0, None);
        loop {
            let page = self.list(Listed::Unfinished, after.as_ref(), PAGE).await?;
            let Some((last, _)) = page.last().cloned() else { return Ok(healed) };
            let each = stream::iter(page).map(|(run, head)| self.heal_one(run, head));
            healed += each
                .buffer_unordered(AT_ONCE)
                .try_fold(0, |sum, fresh| async move { Ok(sum + u64::from(fresh)) })
                .await?;
            after = Some(last);
        }
    }

    /// Whether it was queued again.
    async fn heal_one(&self, run: RunId, head: Head) -> Result<bool> {
        if self.find(&run).await?.is_some() {
            return Ok(false);
        }
        let page = self.sink().read(&run, 0, 1).await?;
        let Some(first) = page.first() else { return Ok(false) };
        let EventKind::RunStarted { queued: Some(queued), .. } =
            Event::decode(first.id, &first.payload)?.kind
        else {
            return Ok(false);
        };
        let entry = self.entry_again(run, &head.workflow, queued);
        Ok(enqueue(self, &entry).await? == Enqueued::Fresh)
    }
}
