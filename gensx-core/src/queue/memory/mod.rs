//! A queue as maps in memory: for tests, and for fleets of one process.

mod claim;
mod fleet;
mod gates;
mod look;
mod state;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use self::state::State;
use super::{
    Announce, Claim, Claimed, DeadRun, Deployment, Enqueue, Enqueued, Lease, QueueError, QueueErrorKind,
    QueueStats, Queued, Release, Released, Removed, Renewal, Renewed, RunQueue, Wake, check_name, millis,
};
use crate::{RunId, clock};

const NAME: &str = "memory";

/// A queue that lives and ends with its process.
///
/// ```
/// let queue = gensx_core::MemoryQueue::new();
/// ```
#[derive(Debug)]
pub struct MemoryQueue {
    state: Mutex<State>,
    /// The state's cursor, for those who wait.
    cursor: watch::Sender<u64>,
    /// The latest time that was told: the machine's clock may be set back.
    latest_ms: AtomicU64,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryQueue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Mutex::default(), cursor: watch::Sender::new(0), latest_ms: AtomicU64::new(0) }
    }

    /// One step of the queue, at its time.
    fn step<T>(&self, work: impl FnOnce(&mut State, u64) -> T) -> T {
        let mut state = self.state();
        let result = work(&mut state, self.now_ms());
        self.cursor.send_if_modified(|cursor| std::mem::replace(cursor, state.cursor) != state.cursor);
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the guard is dropped, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        let now = clock::unix_ms();
        self.latest_ms.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

#[async_trait]
impl RunQueue for MemoryQueue {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    async fn enqueue(&self, entry: &Enqueue) -> Result<Enqueued, QueueError> {
        entry.check(NAME)?;
        self.step(|state, now_ms| state.enqueue(entry, now_ms)).map_err(|waiting| {
            let text = format!(
                "run `{}` was not queued, {waiting} wait already and {} may: start it later",
                entry.run, entry.max_waiting
            );
            QueueError::new(QueueErrorKind::Full, NAME, text)
        })
    }

    async fn claim(&self, ask: &Claim) -> Result<Claimed, QueueError> {
        ask.check(NAME)?;
        Ok(self.step(|state, now_ms| state.claim(ask, now_ms)))
    }

    async fn renew(&self, leases: &[Renewal], lease: Duration) -> Result<Vec<Renewed>, QueueError> {
        Ok(self.step(|state, now_ms| {
            let until_ms = now_ms.saturating_add(millis(lease));
            leases.iter().map(|renewal| state.renew(renewal, until_ms, now_ms)).collect()
        }))
    }

    async fn release(&self, lease: &Lease, how: &Release, opened: bool) -> Result<Released, QueueError> {
        Ok(self.step(|state, now_ms| state.release(lease, how, opened, now_ms)))
    }

    async fn wake(&self, run: &RunId, why: Wake) -> Result<bool, QueueError> {
        Ok(self.step(|state, now_ms| state.wake(run, why, now_ms)))
    }

    async fn announce(&self, announce: &Announce) -> Result<(), QueueError> {
        check_name(NAME, "a worker's name", announce.worker.id.as_str())?;
        check_name(NAME, "a deployment's name", &announce.worker.deployment)?;
        self.step(|state, now_ms| {
            state.fleet.announce(announce, now_ms);
            // Runs may be for others now.
            state.cursor += u64::from(announce.draining || announce.ttl.is_zero());
        });
        Ok(())
    }

    async fn wait(&self, _ask: &Claim, cursor: u64) -> Result<(), QueueError> {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.cursor.subscribe().wait_for(|latest| *latest > cursor).await;
        Ok(())
    }

    async fn find(&self, run: &RunId) -> Result<Option<Queued>, QueueError> {
        Ok(self.state().find(run))
    }

    async fn stats(&self) -> Result<QueueStats, QueueError> {
        Ok(self.step(|state, now_ms| state.stats(now_ms)))
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, QueueError> {
        Ok(self.step(|state, now_ms| state.fleet.list(now_ms)))
    }

    async fn dead(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>, QueueError> {
        Ok(self.state().dead(after, limit))
    }

    async fn remove(&self, run: &RunId) -> Result<Removed, QueueError> {
        Ok(self.step(|state, now_ms| state.remove(run, now_ms)))
    }
}
