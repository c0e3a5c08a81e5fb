//! Runs that wait for workers, and the leases of those that workers have: [`RunQueue`] on Redis.
//!
//! Every method is one short script over the same few keys, which are in one slot of a cluster. Time is the server's.

mod answer;
mod ask;
mod keys;
mod record;
mod script;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use gensx_core::{
    RunId, RunQueue,
    queue::{
        Announce, Claim, Claimed, DeadRun, Deployment, Enqueue, Enqueued, Lease, QueueError, QueueErrorKind,
        QueueStats, Queued, Release, Released, Removed, Renewal, Renewed, Wake, check_name,
    },
};

use self::ask::Asker;
pub(crate) use self::{keys::QueueKeys, script::all as scripts};
use crate::{error::Failure, hub::Hub, store::Store, thread};

/// Runs that wait for workers on Redis: one node, a master behind Sentinel, or a Cluster. It shares the connections of the
/// [`RedisSink`](crate::RedisSink) that [gave](crate::RedisSink::queue) it.
///
/// All of a queue is in one slot of a cluster, so it is as fast as one node. What a failover loses of it is as if it had
/// never been queued: the runs are in the sink's lists still, and enqueueing those that are unfinished brings them
/// back.
///
/// # Cancel safety
/// Every future may be dropped: what was asked for may then be done or not. All but `claim` may be repeated.
pub struct RedisQueue {
    name: String,
    asker: Asker,
    hub: Arc<Hub>,
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQueue").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RedisQueue {
    pub(crate) fn new(name: String, store: Arc<Store>, hub: Arc<Hub>) -> Self {
        let keys = Arc::new(QueueKeys::new(&store.keys));
        Self { name, asker: Asker { store, keys }, hub }
    }

    /// Asks Redis on the thread that is for it. `what` says in an error what could not be done.
    async fn on_thread<T, F>(
        &self,
        what: impl FnOnce() -> String,
        ask: impl FnOnce(Asker) -> F,
    ) -> Result<T, QueueError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        thread::run(ask(self.asker.clone())).await.map_err(|failure| failure.of_queue(&self.name, &what()))
    }
}

#[async_trait]
impl RunQueue for RedisQueue {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn enqueue(&self, entry: &Enqueue) -> Result<Enqueued, QueueError> {
        entry.check(&self.name)?;
        let (run, most) = (&entry.run, entry.max_waiting);
        let asked = entry.clone();
        let what = || format!("run `{run}` was not queued");
        let answer = self.on_thread(what, async move |asker: Asker| asker.enqueue(&asked).await).await?;
        answer.map_err(|waiting| {
            let text =
                format!("run `{run}` was not queued, {waiting} wait already and {most} may: start it later");
            QueueError::new(QueueErrorKind::Full, &*self.name, text)
        })
    }

    async fn claim(&self, ask: &Claim) -> Result<Claimed, QueueError> {
        ask.check(&self.name)?;
        let asked = ask.clone();
        let what = || format!("worker `{}` got nothing", ask.worker.id);
        self.on_thread(what, async move |asker: Asker| asker.claim(&asked).await).await
    }

    async fn renew(&self, leases: &[Renewal], lease: Duration) -> Result<Vec<Renewed>, QueueError> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let asked = leases.to_vec();
        let what = || format!("{} leases were not renewed", leases.len());
        self.on_thread(what, async move |asker: Asker| asker.renew(&asked, lease).await).await
    }

    async fn release(&self, lease: &Lease, how: &Release, opened: bool) -> Result<Released, QueueError> {
        let (asked, way) = (lease.clone(), how.clone());
        let what = || format!("run `{}` was not released", lease.run);
        self.on_thread(what, async move |asker: Asker| asker.release(&asked, &way, opened).await).await
    }

    async fn wake(&self, run: &RunId, why: Wake) -> Result<bool, QueueError> {
        let (asked, what) = (run.clone(), || format!("run `{run}` was not woken"));
        self.on_thread(what, async move |asker: Asker| asker.wake(&asked, why).await).await
    }

    async fn announce(&self, announce: &Announce) -> Result<(), QueueError> {
        let worker = &announce.worker;
        check_name(&self.name, "a worker's name", worker.id.as_str())?;
        check_name(&self.name, "a deployment's name", &worker.deployment)?;
        let (asked, what) = (announce.clone(), || format!("worker `{}` was not announced", worker.id));
        self.on_thread(what, async move |asker: Asker| asker.announce(&asked).await).await
    }

    async fn wait(&self, _ask: &Claim, cursor: u64) -> Result<(), QueueError> {
        // Not on the thread: it may wait for ever, and is to end when it is dropped.
        let heard = self.hub.queue_grown(cursor).await;
        heard.map_err(|failure| failure.of_queue(&self.name, "no doorbell is heard"))
    }

    async fn find(&self, run: &RunId) -> Result<Option<Queued>, QueueError> {
        let (asked, what) = (run.clone(), || format!("run `{run}` was not looked for"));
        self.on_thread(what, async move |asker: Asker| asker.find(&asked).await).await
    }

    async fn stats(&self) -> Result<QueueStats, QueueError> {
        let what = || "its runs were not counted".to_owned();
        self.on_thread(what, async move |asker: Asker| asker.stats().await).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, QueueError> {
        let what = || "its deployments were not listed".to_owned();
        self.on_thread(what, async move |asker: Asker| asker.deployments().await).await
    }

    async fn dead(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>, QueueError> {
        let (after, what) = (after.cloned(), || "its dead runs were not listed".to_owned());
        self.on_thread(what, async move |asker: Asker| asker.dead(after.as_ref(), limit).await).await
    }

    async fn remove(&self, run: &RunId) -> Result<Removed, QueueError> {
        let (asked, what) = (run.clone(), || format!("run `{run}` was not removed"));
        self.on_thread(what, async move |asker: Asker| asker.remove(&asked).await).await
    }
}
