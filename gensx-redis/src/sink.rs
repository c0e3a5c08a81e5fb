use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::{
    FutureExt as _,
    future::{Either, select},
};
use gensx_core::{
    EventSink, RunId, SinkError,
    sink::{Append, Arrived, Batch, Cursor, Entry, Head, Inbox, MAX_PAGE, Message, RunFilter, RunPage},
};

use crate::{
    alarm::Alarms,
    append::{Next, fits_lane},
    builder::RedisSinkBuilder,
    cache::RedisCache,
    error::Failure,
    hub::Hub,
    lane::{Lane, Lanes},
    queue::RedisQueue,
    store::Store,
    sweep, thread,
};

/// Streams on Redis: one node, a master behind Sentinel, or a Cluster.
///
/// Each run is one Redis stream whose ids are `<epoch>-<seq>`. A batch is added by one short script that accepts
/// only what directly follows, so that the server itself refuses an owner that is none any more. All readers of all
/// runs of a process share one connection that hears of new events; a reader costs no connection and
/// no request while nothing happens.
///
/// What is asked of Redis is done on a thread of this crate's own, and goes on when a component blocks its thread. An
/// owner's next events take a shorter way as long as it is free: a connection that the calling runtime drives.
///
/// # Cancel safety
/// Every future may be dropped: an append, a message or a deletion that was asked for may then be done or not, and may
/// be repeated.
pub struct RedisSink {
    name: String,
    store: Arc<Store>,
    hub: Arc<Hub>,
    lanes: Arc<Lanes>,
    alarms: Arc<Alarms>,
    /// The latest time that was told: the next server may be behind.
    latest_ms: AtomicU64,
}

impl fmt::Debug for RedisSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSink").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RedisSink {
    /// Connects with default options.
    ///
    /// - `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`: one server. With TLS `rediss://`, which the feature `tls` brings.
    /// - `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT].../MASTER[/DB]`: the master that these sentinels name.
    ///   Sentinels with a password of their own: `?sentinel_user=USER&sentinel_password=PASSWORD`.
    /// - `redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]...`: a cluster, by some of its nodes.
    ///
    /// Each takes `?prefix=NAME`, the [prefix](RedisSinkBuilder::prefix) of every key.
    ///
    /// # Errors
    /// As [`RedisSinkBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self, SinkError> {
        Self::builder(url).connect().await
    }

    /// Options for an address of the forms of [`connect`](Self::connect).
    pub fn builder(url: impl Into<String>) -> RedisSinkBuilder {
        RedisSinkBuilder::new(url.into())
    }

    /// The queue of the same server and prefix, over the same connections.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use gensx_core::{RunId, RunQueue as _, queue::Enqueue};
    /// use gensx_redis::RedisSink;
    ///
    /// let sink = RedisSink::connect("redis://127.0.0.1:6379").await?;
    /// let queue = sink.queue();
    /// queue.enqueue(&Enqueue::new(RunId::generate(), "digest")).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn queue(&self) -> RedisQueue {
        RedisQueue::new(self.name.clone(), Arc::clone(&self.store), Arc::clone(&self.hub))
    }

    /// A cache on the same server and prefix, over the same connections, for
    /// [`RuntimeBuilder::cache`](gensx_core::RuntimeBuilder::cache). For one that may be evicted from, open a sink on another
    /// server: a server has one `maxmemory-policy`, and any but `noeviction` removes runs.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), gensx_core::SinkError> {
    /// use gensx_core::Runtime;
    /// use gensx_redis::RedisSink;
    ///
    /// let sink = RedisSink::connect("redis://127.0.0.1:6379").await?;
    /// let runtime = Runtime::builder().cache(sink.cache()).sink(sink).build();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache(&self) -> RedisCache {
        RedisCache::new(self.name.clone(), Arc::clone(&self.store), Arc::clone(&self.hub))
    }

    pub(crate) fn start(store: Arc<Store>, name: String) -> Result<Self, SinkError> {
        sweep::start(&store).map_err(|failure| failure.of_sink(&name))?;
        let hub = Arc::new(Hub::new(Arc::clone(&store)));
        let lanes = Lanes::new(Arc::clone(&store.link));
        Ok(Self { name, store, hub, lanes, alarms: Arc::default(), latest_ms: AtomicU64::new(0) })
    }

    /// Asks Redis on the thread that is for it.
    async fn on_thread<T, F>(&self, ask: impl FnOnce(Arc<Store>) -> F) -> Result<T, SinkError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        thread::run(ask(Arc::clone(&self.store))).await.map_err(|failure| self.error(failure))
    }

    async fn append_on_thread(&self, batch: &Batch) -> Result<Append, SinkError> {
        let batch = batch.clone();
        self.on_thread(async move |store: Arc<Store>| {
            let (answer, closed) = store.append(&batch).await?;
            if let Some(status) = batch.closes
                && matches!(answer, Append::Done | Append::Duplicate)
            {
                // Nobody waits for it, and whoever lists runs makes it good, or the sweep.
                drop(thread::spawn(async move { store.strike(&batch.run, status, closed).await }));
            }
            Ok(answer)
        })
        .await
    }

    /// Appends on a lane, and on the thread, too, if that fails or takes long. The same batch may be appended twice.
    async fn append_on(&self, mut lane: Lane, batch: &Batch) -> Result<Append, SinkError> {
        let runtime = lane.runtime();
        let next = async { self.store.append_next(&mut lane, batch).await }.boxed();
        let late = match select(next, self.alarms.set()).await {
            Either::Left((Next::Done, _)) => return Ok(Append::Done),
            Either::Left((Next::Ask, _)) => return self.append_on_thread(batch).await,
            Either::Left((Next::Failed, _)) => None,
            Either::Right(((), next)) => Some(next),
        };
        self.lanes.close(runtime);
        let thread = self.append_on_thread(batch).boxed();
        let Some(late) = late else { return thread.await };
        match select(late, thread).await {
            Either::Left((Next::Done, _)) => Ok(Append::Done),
            Either::Left((Next::Ask | Next::Failed, thread)) => thread.await,
            Either::Right((answer, _)) => answer,
        }
    }

    fn error(&self, failure: Failure) -> SinkError {
        failure.of_sink(&self.name)
    }
}

#[async_trait]
impl EventSink for RedisSink {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        let era = self.hub.era();
        let lane = if fits_lane(batch) { self.lanes.here() } else { None };
        let answer = match lane {
            Some(lane) => self.append_on(lane, batch).await,
            None => self.append_on_thread(batch).await,
        }?;
        if answer == Append::Done {
            self.hub.appended(batch, era);
        }
        Ok(answer)
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        if let Some(page) = self.hub.page(run, after, limit.clamp(1, MAX_PAGE)) {
            return Ok(page);
        }
        let run = run.clone();
        self.on_thread(async move |store: Arc<Store>| store.read(&run, after, limit).await).await
    }

    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        let run = run.clone();
        self.on_thread(async move |store: Arc<Store>| store.head(&run).await).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        // Not on the thread: it may wait for ever, and is to end when it is dropped.
        self.hub.changed(run, after).await.map_err(|failure| self.error(failure))
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.on_thread(async move |store: Arc<Store>| store.list(&filter, after, limit).await).await
    }

    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        let (run, hub) = (run.clone(), Arc::clone(&self.hub));
        self.on_thread(async move |store: Arc<Store>| {
            let deleted = store.delete(&run).await;
            hub.deleted(&run);
            deleted
        })
        .await
    }

    async fn now_ms(&self) -> Result<u64, SinkError> {
        let now = self.on_thread(async move |store: Arc<Store>| store.time_ms().await).await?;
        Ok(self.latest_ms.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

#[async_trait]
impl Inbox for RedisSink {
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError> {
        let run = run.clone();
        self.on_thread(async move |store: Arc<Store>| store.send(&run, message).await).await
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        let run = run.clone();
        self.on_thread(async move |store: Arc<Store>| store.receive(&run, after, limit).await).await
    }

    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        let arrived = self.hub.arrivals(cursor.checked_sub(1)).await;
        let (count, arrived) = arrived.map_err(|failure| self.error(failure))?;
        Ok((count + 1, arrived))
    }
}
