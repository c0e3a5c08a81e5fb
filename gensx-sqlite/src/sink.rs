use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use gensx_core::{
    EventSink, RunId, SinkError, SinkErrorKind,
    sink::{Append, Arrived, Batch, Cursor, Entry, Head, Inbox, Message, RunFilter, RunPage},
};
use rusqlite::Connection;

use crate::{
    SqliteQueue,
    append::AppendBatch,
    builder::{Settings, SqliteSinkBuilder},
    chores::DeleteRun,
    clock,
    error::Failure,
    follow,
    hub::Hub,
    inbox::{self, SendMessage},
    queue::Turns,
    read,
    readers::Readers,
    writer::Writer,
};

/// The largest payload of one event, and the largest body of one message.
pub(crate) const MAX_VALUE_BYTES: usize = 64 << 20;

/// Streams in one SQLite file, which several processes may have open at once.
///
/// One thread writes, and commits what has queued up together; each append is judged by itself inside the
/// transaction, which holds the file's write lock, and is answered after the commit. Reads have connections of their
/// own and wait for no writer. Readers in this process learn of an append right after its commit, those in
/// other processes within about 10 milliseconds.
///
/// Dropping the sink, and the queues that it gave, ends its threads after the work they have; it does not wait for them.
///
/// # Cancel safety
/// Every future may be dropped: an append, a message or a deletion that was asked for may then be done or not, and may be
/// repeated.
#[derive(Debug)]
pub struct SqliteSink {
    opened: Arc<Opened>,
}

/// An open file: its threads end when nobody has it any more.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) settings: Arc<Settings>,
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    pub(crate) hub: Arc<Hub>,
    pub(crate) turns: Arc<Turns>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl SqliteSink {
    /// Opens the file at `path` with default options, and makes it first if there is none.
    ///
    /// # Errors
    /// As [`SqliteSinkBuilder::open`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, SinkError> {
        Self::builder(path).open().await
    }

    /// Options for the file at `path`.
    pub fn builder(path: impl Into<PathBuf>) -> SqliteSinkBuilder {
        SqliteSinkBuilder::new(path.into())
    }

    pub(crate) async fn start(settings: Arc<Settings>) -> Result<Self, SinkError> {
        let hub = Arc::new(Hub::default());
        let started = async {
            let writer = Writer::start(Arc::clone(&settings), Arc::clone(&hub)).await?;
            follow::start(Arc::clone(&settings), Arc::clone(&hub))?;
            Ok(writer)
        };
        let writer = started.await.map_err(|failure: Failure| failure.of_sink(&settings.name))?;
        let readers = Readers::new(Arc::clone(&settings));
        Ok(Self { opened: Arc::new(Opened { settings, writer, readers, hub, turns: Arc::default() }) })
    }

    /// The queue in the same file: it shares this sink's threads, and keeps them when the sink is dropped.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Runtime::new().unwrap();
    /// # runtime.block_on(async {
    /// use gensx_core::{RunId, RunQueue as _, queue::Enqueue};
    /// use gensx_sqlite::SqliteSink;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("gensx.db");
    /// let sink = SqliteSink::open(&file).await?;
    /// let queue = sink.queue();
    /// queue.enqueue(&Enqueue::new(RunId::generate(), "digest")).await?;
    /// assert_eq!(queue.stats().await?.ready, 1);
    /// # Ok::<(), gensx_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn queue(&self) -> SqliteQueue {
        SqliteQueue::new(Arc::clone(&self.opened))
    }

    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, SinkError> {
        self.opened.readers.run(query).await.map_err(|failure| self.error(failure))
    }

    fn error(&self, failure: Failure) -> SinkError {
        failure.of_sink(&self.opened.settings.name)
    }

    fn check_size(&self, what: &str, run: &RunId, bytes: usize) -> Result<(), SinkError> {
        if bytes <= MAX_VALUE_BYTES {
            return Ok(());
        }
        let text = format!(
            "{what} for run `{run}` has {bytes} bytes, {MAX_VALUE_BYTES} are allowed: store it elsewhere"
        );
        Err(SinkError::new(SinkErrorKind::TooLarge, self.name(), text))
    }
}

#[async_trait]
impl EventSink for SqliteSink {
    fn name(&self) -> String {
        self.opened.settings.name.clone()
    }

    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        if batch.payloads.is_empty() {
            let text = format!("an append to run `{}` has no events: give it at least one", batch.run);
            return Err(SinkError::new(SinkErrorKind::Config, self.name(), text));
        }
        for payload in &batch.payloads {
            self.check_size("an event", &batch.run, payload.len())?;
        }
        self.opened.writer.run(AppendBatch(batch.clone())).await.map_err(|failure| self.error(failure))
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        let run = run.clone();
        self.query(move |file| read::entries(file, &run, after, limit)).await
    }

    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        let run = run.clone();
        self.query(move |file| read::head(file, &run)).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        // The watch begins before the look, so that nothing is missed between them.
        let mut watch = self.opened.hub.watch(run);
        let last = {
            let run = run.clone();
            self.query(move |file| read::last_seq(file, &run)).await?
        };
        if last.is_some_and(|last| last <= after) {
            watch.past(after).await;
        }
        Ok(())
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.query(move |file| read::list(file, &filter, after.as_ref(), limit)).await
    }

    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        self.opened.writer.run(DeleteRun(run.clone())).await.map_err(|failure| self.error(failure))
    }

    async fn now_ms(&self) -> Result<u64, SinkError> {
        Ok(clock::unix_ms())
    }
}

#[async_trait]
impl Inbox for SqliteSink {
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError> {
        self.check_size("a message", run, message.body.len())?;
        let sent = self.opened.writer.run(SendMessage { run: run.clone(), message }).await;
        sent.and_then(|answer| answer).map_err(|failure| self.error(failure))
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        let run = run.clone();
        self.query(move |file| inbox::receive(file, &run, after, limit)).await
    }

    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        if cursor == 0 {
            return Ok((self.query(inbox::end).await?, Arrived::Runs(Vec::new())));
        }
        let mut newest = self.opened.hub.watch_messages();
        loop {
            newest.mark_unchanged();
            if let Some(arrived) = self.query(move |file| inbox::arrived(file, cursor)).await? {
                let (next, runs) = arrived;
                return Ok((next, Arrived::Runs(runs)));
            }
            // The sender lives as long as `self`, so the wait cannot fail.
            if newest.changed().await.is_err() {
                return Ok((cursor, Arrived::Runs(Vec::new())));
            }
        }
    }
}
