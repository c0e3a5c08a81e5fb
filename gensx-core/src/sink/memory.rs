//! Streams as maps in memory: for tests, and for work that need not outlive its process.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{
    Append, Arrived, Batch, BatchKind, BatchToken, Cursor, Entry, EventSink, Head, Inbox, MAX_LOOKED_AT,
    MAX_MESSAGES_PER_RUN, MAX_PAGE, Message, Payload, RunFilter, RunPage, RunSummary, SinkError,
    SinkErrorKind, Standing, judge,
};
use crate::{EventId, RunId, clock};

const NAME: &str = "memory";
/// The most messages whose runs are remembered for those who ask what has arrived.
const MAX_ARRIVED: usize = 10_000;
/// Expired runs that one call removes: the next ones remove the others.
const MAX_EXPIRED_AT_ONCE: usize = 64;

/// A sink that lives and ends with its process. It keeps runs as long, unless they were started with a time to keep.
///
/// ```
/// let sink = gensx_core::MemorySink::new();
/// ```
#[derive(Debug)]
pub struct MemorySink {
    state: Mutex<State>,
    /// Counts messages, for those who wait for any.
    arrivals: watch::Sender<u64>,
    /// The latest time that was told: the machine's clock may be set back.
    latest_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<RunId, Stream>,
    /// The places of the runs in a list.
    by_start: BTreeSet<Cursor>,
    /// Runs that are to be removed, by when.
    expiring: BTreeSet<(u64, RunId)>,
    /// How many messages there have been since the sink was made, and the runs of the latest.
    arrivals: u64,
    arrived: VecDeque<RunId>,
}

#[derive(Debug)]
struct Stream {
    summary: RunSummary,
    keep_ms: Option<u64>,
    /// When it is to be removed, in milliseconds since 1970.
    expires_ms: Option<u64>,
    entries: Vec<Stored>,
    messages: Vec<Message>,
    /// Made by the first who waits: most streams are never waited for.
    changed: Option<watch::Sender<u64>>,
}

#[derive(Debug)]
struct Stored {
    epoch: u32,
    token: BatchToken,
    payload: Payload,
}

impl Default for MemorySink {
    fn default() -> Self {
        Self::new()
    }
}

impl MemorySink {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Mutex::default(), arrivals: watch::Sender::new(0), latest_ms: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is whole before the guard is dropped, so a panic elsewhere leaves nothing half done.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.expiring.is_empty() {
            state.expire(self.time_ms());
        }
        state
    }

    fn time_ms(&self) -> u64 {
        let now = clock::unix_ms();
        self.latest_ms.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

impl State {
    /// Removes runs that have been kept long enough.
    fn expire(&mut self, now_ms: u64) {
        for _ in 0..MAX_EXPIRED_AT_ONCE {
            let Some((_, run)) = self.expiring.first().filter(|(due_ms, _)| *due_ms <= now_ms) else {
                return;
            };
            self.remove(&run.clone());
        }
    }

    fn remove(&mut self, run: &RunId) {
        let Some(stream) = self.runs.remove(run) else { return };
        self.by_start.remove(&stream.summary.cursor());
        if let Some(due_ms) = stream.expires_ms {
            self.expiring.remove(&(due_ms, run.clone()));
        }
    }

    fn open(&mut self, batch: &Batch, now_ms: u64) {
        let Batch { run, first, kind: BatchKind::Opens(opening), .. } = batch else { return };
        let workflow = Arc::clone(&opening.workflow);
        let summary = RunSummary {
            retry_of: opening.retry_of.clone(),
            ..RunSummary::new(run.clone(), workflow, now_ms, *first)
        };
        self.by_start.insert(summary.cursor());
        let stream = Stream {
            summary,
            keep_ms: opening.keep_ms,
            expires_ms: None,
            entries: Vec::new(),
            messages: Vec::new(),
            changed: None,
        };
        self.runs.insert(run.clone(), stream);
    }

    fn add(&mut self, batch: &Batch, now_ms: u64) {
        let Some(stream) = self.runs.get_mut(&batch.run) else { return };
        stream.add(batch, now_ms);
        if let Some(due_ms) = stream.expires_ms {
            self.expiring.insert((due_ms, batch.run.clone()));
        }
    }
}

impl Stream {
    fn head(&self) -> Head {
        let RunSummary { workflow, last, status, .. } = &self.summary;
        Head { workflow: Arc::clone(workflow), last: *last, status: *status }
    }

    fn standing(&self, first_seq: u64) -> Standing {
        let at = usize::try_from(first_seq).ok().and_then(|seq| self.entries.get(seq.checked_sub(1)?));
        Standing {
            last: self.summary.last,
            owner: self.entries.last().map_or(0, |stored| stored.token.owner),
            ended: self.summary.status.is_ended(),
            at_first: at.map(|stored| (stored.epoch, stored.token)),
        }
    }

    fn add(&mut self, batch: &Batch, now_ms: u64) {
        let epoch = batch.first.epoch;
        let stored =
            |payload: &Payload| Stored { epoch, token: batch.token, payload: Payload::clone(payload) };
        self.entries.extend(batch.payloads.iter().map(stored));
        let summary = &mut self.summary;
        summary.last = EventId::new(epoch, batch.last_seq());
        if let BatchKind::Claims { deployment } = &batch.kind {
            summary.deployment.clone_from(deployment);
        }
        if let Some(status) = batch.closes {
            summary.status = status;
            summary.ended_ms = Some(now_ms);
            self.expires_ms = self.keep_ms.map(|keep| now_ms.saturating_add(keep));
        }
        if let Some(changed) = &self.changed {
            changed.send_replace(summary.last.seq);
        }
    }
}

fn not_found(run: &RunId) -> SinkError {
    SinkError::new(
        SinkErrorKind::NotFound,
        NAME,
        format!("run `{run}` has no stream: it never started, or was deleted"),
    )
}

#[async_trait]
impl EventSink for MemorySink {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        let mut state = self.state();
        let standing = state.runs.get(&batch.run).map(|stream| stream.standing(batch.first.seq));
        let answer = judge(standing, batch);
        if answer == Append::Done {
            let now_ms = self.time_ms();
            state.open(batch, now_ms);
            state.add(batch, now_ms);
        }
        Ok(answer)
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        let state = self.state();
        let stream = state.runs.get(run).ok_or_else(|| not_found(run))?;
        let from = usize::try_from(after).unwrap_or(usize::MAX);
        let entry = |(stored, seq): (&Stored, u64)| Entry {
            id: EventId::new(stored.epoch, seq),
            payload: Payload::clone(&stored.payload),
        };
        let rest = stream.entries.get(from..).unwrap_or_default();
        // The entries lead: past the last one there may be no next number to count to.
        let page = rest.iter().zip(after.saturating_add(1)..).take(limit.clamp(1, MAX_PAGE));
        Ok(page.map(entry).collect())
    }

    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        Ok(self.state().runs.get(run).map(Stream::head))
    }

    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        let mut last = {
            let mut state = self.state();
            let Some(stream) = state.runs.get_mut(run) else { return Ok(()) };
            let seq = stream.summary.last.seq;
            stream.changed.get_or_insert_with(|| watch::Sender::new(seq)).subscribe()
        };
        // An error means that the stream, and with it the sender, is gone.
        let _ = last.wait_for(|seq| *seq > after).await;
        Ok(())
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (state, limit) = (self.state(), limit.clamp(1, MAX_PAGE));
        let (mut runs, mut next) = (Vec::new(), None);
        for (looked, cursor) in state.by_start.range((from, Bound::Unbounded)).enumerate() {
            if runs.len() == limit || looked == MAX_LOOKED_AT {
                return Ok(RunPage { runs, next });
            }
            let summary = state.runs.get(cursor.run()).map(|stream| &stream.summary);
            runs.extend(summary.filter(|summary| filter.takes(summary)).cloned());
            next = Some(cursor.clone());
        }
        Ok(RunPage { runs, next: None })
    }

    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        self.state().remove(run);
        Ok(())
    }

    async fn now_ms(&self) -> Result<u64, SinkError> {
        Ok(self.time_ms())
    }
}

#[async_trait]
impl Inbox for MemorySink {
    async fn send(&self, run: &RunId, mut message: Message) -> Result<u64, SinkError> {
        let mut state = self.state();
        let stream = state.runs.get_mut(run).ok_or_else(|| not_found(run))?;
        let earlier = |known: &&Message| message.id.is_some() && known.id == message.id;
        if let Some(known) = stream.messages.iter().find(earlier) {
            return Ok(known.number);
        }
        if stream.summary.status.is_ended() {
            return Err(SinkError::new(SinkErrorKind::Ended, NAME, format!("run `{run}` has ended")));
        }
        if stream.messages.len() >= MAX_MESSAGES_PER_RUN {
            let text = format!(
                "the inbox of run `{run}` holds {MAX_MESSAGES_PER_RUN} messages, the most there may be"
            );
            return Err(SinkError::new(SinkErrorKind::TooLarge, NAME, text));
        }
        let number = stream.messages.len() as u64 + 1;
        message.number = number;
        stream.messages.push(message);
        state.arrivals += 1;
        state.arrived.push_back(run.clone());
        if state.arrived.len() > MAX_ARRIVED {
            state.arrived.pop_front();
        }
        self.arrivals.send_replace(state.arrivals);
        Ok(number)
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        let state = self.state();
        let messages = state.runs.get(run).map(|stream| stream.messages.as_slice()).unwrap_or_default();
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(messages.iter().skip(after).take(limit.min(MAX_PAGE)).cloned().collect())
    }

    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        let mut arrivals = self.arrivals.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        if cursor > 0 {
            let _ = arrivals.wait_for(|count| *count >= cursor).await;
        }
        let state = self.state();
        let forgotten = state.arrivals - state.arrived.len() as u64;
        let arrived = match cursor.checked_sub(1).map(|seen| seen.checked_sub(forgotten)) {
            None => Arrived::Runs(Vec::new()),
            Some(None) => Arrived::Any,
            Some(Some(seen)) => {
                let seen = usize::try_from(seen).unwrap_or(usize::MAX);
                Arrived::Runs(state.arrived.iter().skip(seen).cloned().collect())
            }
        };
        Ok((state.arrivals + 1, arrived))
    }
}
