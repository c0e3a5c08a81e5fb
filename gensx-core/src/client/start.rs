//! Starting a run through the queue.

use std::{
    future::IntoFuture,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Client, RunHandle};
use crate::{
    Error, ErrorKind, Event, EventKind, QueueErrorKind, Result, RunId,
    clock::unix_ms,
    event::{Json, QueuedAs, QueuedLimit},
    queue::{Due, Enqueue, Enqueued, IdempotencyKey, Limit, millis},
    runtime::takeover::open,
    sink::{Append, Opening, Payload},
};

/// The largest input of a run that a [`Client`] starts, in bytes of JSON, unless [`Client::max_input_bytes`] says
/// otherwise: 1 MiB. Queues keep inputs until a worker has the run.
pub const DEFAULT_MAX_INPUT_BYTES: usize = 1024 * 1024;

/// The start of a run, with its options; `.await` does it. See [`Client::start`].
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example(client: gensx::Client) -> gensx::Result<()> {
/// use std::time::Duration;
///
/// let run = client
///     .start("digest", "tides")
///     .idempotency_key("click-4711", Duration::from_secs(24 * 3600))
///     .start_after(Duration::from_secs(60))
///     .limit("digests", "customer-7", 3)
///     .keep_for(Duration::from_secs(30 * 24 * 3600))
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// Dropped while it is awaited, the run may have been started or not: start it again, under the same id or idempotency
/// key.
///
/// # Errors
/// - [`ErrorKind::InvalidInput`]: the input has no JSON form, or a name, key or limit that no queue takes.
/// - [`ErrorKind::Limit`]: the input is too large, or as many runs wait as may.
/// - [`ErrorKind::Exists`]: there is a run with this id that was not started through a queue, or is of another workflow.
/// - [`ErrorKind::Sink`]: the queue does not answer: start it again, under the same id or key.
#[derive(Debug)]
#[must_use = "nothing is started before it is awaited"]
pub struct Start {
    client: Client,
    workflow: Arc<str>,
    input: Result<Json, serde_json::Error>,
    id: Option<RunId>,
    key: Option<IdempotencyKey>,
    priority: i8,
    due: Due,
    limits: Vec<Limit>,
    keep_ms: Option<u64>,
}

impl Start {
    pub(super) fn new(client: Client, workflow: Arc<str>, input: Result<Json, serde_json::Error>) -> Self {
        let keep_ms = client.keep_ms;
        Self {
            client,
            workflow,
            input,
            id: None,
            key: None,
            priority: 0,
            due: Due::Now,
            limits: Vec::new(),
            keep_ms,
        }
    }

    /// The run's id. If there is a run with this id, its handle is given, and nothing is started. Default: a fresh one.
    pub fn id(mut self, id: RunId) -> Self {
        self.id = Some(id);
        self
    }

    /// The caller's own name for this start. If the workflow was started under it within the `ttl` of that start, the handle of
    /// that run is given, and nothing is started. Default: none.
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>, ttl: Duration) -> Self {
        self.key = Some(IdempotencyKey { key: key.into(), ttl });
        self
    }

    /// Higher goes first, strictly. Default 0.
    pub fn priority(mut self, priority: i8) -> Self {
        self.priority = priority;
        self
    }

    /// When it may begin at the earliest, by the store's clock. Default: at once.
    pub fn start_at(mut self, time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.due = Due::AtMs(millis(since));
        self
    }

    /// How long from now it may begin at the earliest. Default: at once.
    pub fn start_after(mut self, wait: Duration) -> Self {
        self.due = Due::After(wait);
        self
    }

    /// Of all runs with this name and key, at most `max` are executed at once in the whole fleet; the keys of a name take
    /// turns. With an empty key it bounds the whole group. May be called up to
    /// [`MAX_LIMITS_PER_RUN`](crate::queue::MAX_LIMITS_PER_RUN) times.
    pub fn limit(mut self, name: impl Into<Arc<str>>, key: impl Into<Arc<str>>, max: u32) -> Self {
        self.limits.push(Limit { name: name.into(), key: key.into(), max });
        self
    }

    /// How long the run is kept after its end, whatever the sink's retention is. Then its stream and its messages are removed;
    /// who reads it is told [`ErrorKind::NotFound`]. Recorded with the run, so it holds wherever the run ends, and for a run
    /// that retries it. Default: [`Client::keep_for`], and without that as the sink keeps runs.
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.keep_ms = Some(millis(time));
        self
    }

    async fn start(self) -> Result<RunHandle> {
        let (entry, first) = self.entry().await?;
        let client = self.client;
        let fresh = match enqueue(&client, &entry).await? {
            Enqueued::Fresh => true,
            Enqueued::Known(run) if run == entry.run => false,
            Enqueued::Known(earlier) => return Ok(RunHandle::new(client, earlier, true)),
        };
        // From here on the run is started: who claims it has its first event.
        let opening = Opening { keep_ms: self.keep_ms, ..(*entry.workflow).into() };
        let ours = match open(client.sink(), &entry.run, opening, vec![Payload::clone(&first)]).await {
            Ok(Append::Done | Append::Duplicate) => true,
            Ok(answer) => there_is_one(&client, &entry, &first, fresh, answer).await?,
            Err(error) => {
                tracing::warn!(run = %entry.run, error = %error, "the run was queued and its stream not opened: its worker will");
                true
            }
        };
        Ok(RunHandle::new(client, entry.run, !(fresh && ours)))
    }

    /// What is queued, and the run's first event.
    async fn entry(&self) -> Result<(Enqueue, Payload)> {
        let input = self.checked_input()?;
        let run = self.id.clone().unwrap_or_else(RunId::generate);
        let due_ms = match self.due {
            Due::Now => None,
            Due::AtMs(at) => Some(at),
            Due::After(wait) => Some(self.client.sink().now_ms().await?.saturating_add(millis(wait))),
        };
        // Two starts of one id in one millisecond would write the same first event.
        let start = self.id.as_ref().map(|_| RunId::generate().to_string());
        let queued = QueuedAs { priority: self.priority, due_ms, limits: recorded(&self.limits), start };
        let kind = EventKind::RunStarted {
            workflow: self.workflow.to_string(),
            version: 0,
            input: Some(input),
            plan: None,
            origin: run.clone(),
            retry_of: None,
            carries: 0,
            keep_ms: self.keep_ms,
            queued: Some(queued),
        };
        let first = Event::new(unix_ms(), None, 0, kind).encode();
        let entry = Enqueue {
            first: Some(Payload::clone(&first)),
            priority: self.priority,
            due: self.due,
            limits: self.limits.clone(),
            key: self.key.clone(),
            max_waiting: self.client.max_waiting,
            ..Enqueue::new(run, Arc::clone(&self.workflow))
        };
        entry.check(&self.client.backend.queue().name())?;
        Ok((entry, first))
    }

    fn checked_input(&self) -> Result<Json> {
        let workflow = &self.workflow;
        let json = self.input.as_ref().map_err(|error| {
            let text = format!("the input of `{workflow}` cannot be recorded as JSON");
            Error::of(ErrorKind::InvalidInput, text).with_source(error.to_string())
        })?;
        let (size, limit) = (json.get().len(), self.client.max_input_bytes);
        if size <= limit {
            return Ok(json.clone());
        }
        let text = format!(
            "the input of `{workflow}` has {size} bytes, the limit is {limit}: put what is large into a store, and its name into the input"
        );
        Err(Error::of(ErrorKind::Limit, text))
    }
}

impl IntoFuture for Start {
    type Output = Result<RunHandle>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

pub(super) fn recorded(limits: &[Limit]) -> Vec<QueuedLimit> {
    let one = |limit: &Limit| QueuedLimit {
        name: limit.name.to_string(),
        key: limit.key.to_string(),
        max: limit.max,
    };
    limits.iter().map(one).collect()
}

/// Once more, if the answer was lost: the same id is not queued twice.
pub(super) async fn enqueue(client: &Client, entry: &Enqueue) -> Result<Enqueued> {
    let queue = client.backend.queue();
    match queue.enqueue(entry).await {
        Err(error) if error.kind() == QueueErrorKind::Unavailable => Ok(queue.enqueue(entry).await?),
        answer => Ok(answer?),
    }
}

/// There is a stream of this id already: whether it is the one of this start, which a worker was faster to open. What was
/// queued in vain is taken back.
async fn there_is_one(
    client: &Client,
    entry: &Enqueue,
    first: &Payload,
    fresh: bool,
    answer: Append,
) -> Result<bool> {
    let run = &entry.run;
    let page = client.sink().read(run, 0, 1).await?;
    let Some(stored) = page.first() else { return Ok(true) };
    let event = Event::decode(stored.id, &stored.payload)?;
    let same = matches!(&event.kind, EventKind::RunStarted { workflow, queued: Some(_), .. }
        if **workflow == *entry.workflow);
    if fresh && (!same || answer == Append::Ended) {
        client.backend.queue().remove(run).await?;
    }
    if !same {
        let text = format!(
            "there is a run `{run}` that is not of workflow `{}`, or that an application executes: start under another id",
            entry.workflow
        );
        return Err(Error::of(ErrorKind::Exists, text));
    }
    Ok(stored.payload == *first)
}
