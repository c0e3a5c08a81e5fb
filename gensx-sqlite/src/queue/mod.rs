//! Runs that wait for workers, in the same file as their streams.

mod change;
mod claim;
mod fleet;
mod gates;
mod look;
mod record;
mod step;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gensx_core::{
    QueueError, QueueErrorKind, RunId, RunQueue,
    queue::{
        Announce, Claim, Claimed, DeadRun, Deployment, Enqueue, Enqueued, Lease, MAX_RENEW, QueueStats,
        Queued, Release, Released, Removed, Renewal, Renewed, Wake, check_name, millis,
    },
};
use rusqlite::Connection;

use self::step::{Call, Step};
use crate::{
    error::Failure,
    sink::{MAX_VALUE_BYTES, Opened},
};

pub(crate) use self::{claim::Turns, look::cursor};

/// The queue in one SQLite file, which several processes may have open at once: what
/// [`SqliteSink::queue`](crate::SqliteSink::queue) gives.
///
/// Each call that changes something is one transaction, or a part of one, of the file's one writing thread, and is answered
/// after the commit; the others read from a snapshot and wait for no writer. Waits in this process end right after the commit
/// that they wait for, those in other processes within about 10 milliseconds. While nobody waits nothing looks at the file.
///
/// The machine's clock is the queue's: what is set back by up to a minute makes the queue's time stand still until it
/// has caught up; what is set back further is believed, since it was wrong before.
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    opened: Arc<Opened>,
}

impl SqliteQueue {
    pub(crate) fn new(opened: Arc<Opened>) -> Self {
        Self { opened }
    }

    /// Has the writer do a step. `what` it is, for messages.
    async fn step<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> String,
        bytes: usize,
        work: impl Fn(&mut Step<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, QueueError> {
        let answer = self.opened.writer.run(Call { bytes, work }).await;
        answer.map_err(|failure| self.error(failure, &what()))
    }

    async fn look<T: Send + 'static>(
        &self,
        what: &str,
        query: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.opened.readers.run(query).await.map_err(|failure| self.error(failure, what))
    }

    fn error(&self, failure: Failure, what: &str) -> QueueError {
        failure.of_queue(&self.opened.settings.name, what)
    }
}

#[async_trait]
impl RunQueue for SqliteQueue {
    fn name(&self) -> String {
        self.opened.settings.name.clone()
    }

    async fn enqueue(&self, entry: &Enqueue) -> Result<Enqueued, QueueError> {
        let name = &self.opened.settings.name;
        entry.check(name)?;
        let what = || format!("run `{}` was not queued", entry.run);
        change::check_size(entry, MAX_VALUE_BYTES).map_err(|failure| self.error(failure, &what()))?;
        let bytes = entry.first.as_ref().map_or(0, |first| first.len());
        let queued = {
            let entry = entry.clone();
            self.step(what, bytes, move |step| step.enqueue(&entry)).await?
        };
        queued.map_err(|waiting| {
            let (what, may) = (what(), entry.max_waiting);
            let text = format!("{what}, {waiting} wait already and {may} may: start it later");
            QueueError::new(QueueErrorKind::Full, name, text)
        })
    }

    async fn claim(&self, ask: &Claim) -> Result<Claimed, QueueError> {
        ask.check(&self.opened.settings.name)?;
        let what = || format!("worker `{}` was given no runs", ask.worker.id);
        let (ask, turns) = (ask.clone(), Arc::clone(&self.opened.turns));
        self.step(what, 0, move |step| step.claim(&ask, &turns)).await
    }

    async fn renew(&self, leases: &[Renewal], lease: Duration) -> Result<Vec<Renewed>, QueueError> {
        let mut answers = Vec::with_capacity(leases.len());
        for some in leases.chunks(MAX_RENEW) {
            let what = || format!("{} leases were not renewed", some.len());
            let some = some.to_vec();
            let renewed = self.step(what, 0, move |step| {
                let until_ms = step.now_ms.saturating_add(millis(lease));
                some.iter().map(|renewal| step.renew(renewal, until_ms)).collect::<Result<Vec<_>, _>>()
            });
            answers.extend(renewed.await?);
        }
        Ok(answers)
    }

    async fn release(&self, lease: &Lease, how: &Release, opened: bool) -> Result<Released, QueueError> {
        let what = || format!("run `{}` was not released", lease.run);
        let (lease, how) = (lease.clone(), how.clone());
        self.step(what, 0, move |step| step.release(&lease, &how, opened)).await
    }

    async fn wake(&self, run: &RunId, why: Wake) -> Result<bool, QueueError> {
        let what = || format!("run `{run}` was not woken");
        let run = run.clone();
        self.step(what, 0, move |step| step.wake(&run, why)).await
    }

    async fn announce(&self, announce: &Announce) -> Result<(), QueueError> {
        let name = &self.opened.settings.name;
        check_name(name, "a worker's name", announce.worker.id.as_str())?;
        check_name(name, "a deployment's name", &announce.worker.deployment)?;
        let what = || format!("worker `{}` was not announced", announce.worker.id);
        let announce = announce.clone();
        self.step(what, 0, move |step| step.announce(&announce)).await
    }

    async fn wait(&self, _ask: &Claim, cursor: u64) -> Result<(), QueueError> {
        // The watch begins before the look, so that nothing is missed between them.
        let mut news = self.opened.hub.watch_queue();
        loop {
            news.mark_unchanged();
            if self.look("a wait was broken off", look::cursor).await? > cursor {
                return Ok(());
            }
            // The sender lives as long as `self`. What it tells is newer than the look, or says that a look is needed.
            if news.changed().await.is_err() || *news.borrow() > cursor {
                return Ok(());
            }
        }
    }

    async fn find(&self, run: &RunId) -> Result<Option<Queued>, QueueError> {
        let asked = run.clone();
        self.look(&format!("run `{run}` was not looked up"), move |file| look::find(file, &asked)).await
    }

    async fn stats(&self) -> Result<QueueStats, QueueError> {
        self.look("the runs were not counted", look::stats).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, QueueError> {
        self.look("the deployments were not listed", look::deployments).await
    }

    async fn dead(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>, QueueError> {
        let after = after.cloned();
        self.look("the dead runs were not listed", move |file| look::dead(file, after.as_ref(), limit)).await
    }

    async fn remove(&self, run: &RunId) -> Result<Removed, QueueError> {
        let what = || format!("run `{run}` was not removed");
        let run = run.clone();
        self.step(what, 0, move |step| step.remove(&run)).await
    }
}
