//! A run's one appender: events in, batches out. Whoever waits for an event drives the append; events that nobody
//! waits for are sent by the library's own thread a moment later, or earlier with the next that somebody does.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

use futures_util::future::{FutureExt as _, Shared};

use super::{RunCore, Stop, lock};
use crate::{
    Error, ErrorKind, EventId, Result, RunId,
    clock::{self, BoxFuture},
    event::{Event, EventKind, Outcome},
    io,
    lease::{Heard, heard},
    runtime::{Config, Limits},
    sink::{Append, Batch, BatchKind, BatchToken, Payload, SinkError, SinkErrorKind},
};

/// The first wait before a failed append is repeated; doubled each time.
const RETRY_INITIAL: Duration = Duration::from_millis(50);
/// The longest such wait.
const RETRY_MAX: Duration = Duration::from_secs(2);

type Flush = Shared<BoxFuture<()>>;

#[derive(Debug)]
pub(crate) struct Outbox {
    run: RunId,
    config: Arc<Config>,
    /// Names this owner's batches, each together with its position.
    owner: u64,
    state: Mutex<State>,
    /// Whether text waits beyond its bound: components are held until it is sent.
    full: AtomicBool,
    /// Whether an outcome became durable here.
    progressed: AtomicBool,
    /// The run, to be stopped when its events cannot be stored, also while nobody waits for that.
    core: OnceLock<Weak<RunCore>>,
}

#[derive(Debug)]
struct State {
    epoch: u32,
    queue: VecDeque<Event>,
    queued_bytes: usize,
    /// The position of the next event that is pushed.
    next: u64,
    /// The last position that is durable.
    durable: u64,
    /// The position of the last outcome that was given to its caller before it was durable.
    behind: u64,
    flush: Option<Flush>,
    /// When text was sent last: what follows soon is gathered, what comes after a silence is sent at once.
    text_sent: Option<Instant>,
    /// Whether the library's thread will send what is queued.
    armed: bool,
    failed: Option<Stop>,
    closed: bool,
    held: Vec<Waker>,
}

impl Outbox {
    /// An outbox whose first event goes to `first`.
    pub(crate) fn new(run: RunId, config: Arc<Config>, first: EventId) -> Arc<Self> {
        let state = State {
            epoch: first.epoch,
            queue: VecDeque::new(),
            queued_bytes: 0,
            next: first.seq,
            durable: first.seq - 1,
            behind: 0,
            flush: None,
            text_sent: None,
            armed: false,
            failed: None,
            closed: false,
            held: Vec::new(),
        };
        // One for all batches: each would cost a call of the system.
        let (owner, _) = uuid::Uuid::new_v4().as_u64_pair();
        Arc::new(Self {
            run,
            config,
            owner,
            state: Mutex::new(state),
            full: AtomicBool::new(false),
            progressed: AtomicBool::new(false),
            core: OnceLock::new(),
        })
    }

    /// Names the run whose events these are, once it is executed.
    pub(crate) fn belong_to(&self, core: Weak<RunCore>) {
        // Set once: a run is executed once.
        let _ = self.core.set(core);
    }

    /// Appends what stands right before its first event: what opens the run, or claims it. Repeated once if the answer
    /// was lost.
    pub(crate) async fn begin(&self, kind: BatchKind, payloads: Vec<Payload>) -> Result<Append> {
        let first = {
            let state = lock(&self.state);
            EventId::new(state.epoch, state.next - payloads.len() as u64)
        };
        let token = BatchToken { owner: self.owner, number: first.seq };
        let batch = Batch { run: self.run.clone(), first, token, payloads, kind, closes: None };
        match self.config.sink.append(&batch).await {
            Err(error) if error.kind() == SinkErrorKind::Unavailable => {
                Ok(self.config.sink.append(&batch).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// Queues an event and gives its position. It is sent with the next that is waited for, or soon.
    pub(crate) fn push(self: &Arc<Self>, event: Event) -> Result<u64> {
        let limits = &self.config.limits;
        let mut state = lock(&self.state);
        if state.closed {
            return Ok(state.next);
        }
        if state.next > limits.events_per_run && !event.is_last() {
            let text =
                format!("run `{}` has reached the limit of {} events", self.run, limits.events_per_run);
            return Err(Error::of(ErrorKind::Limit, text).with_fate(crate::Fate::Permanent));
        }
        state.closed = event.is_last();
        let fresh = matches!(event.kind, EventKind::Text { .. }) && state.is_fresh(limits.flush_interval);
        state.add(event, limits.event_bytes);
        self.full.store(state.queued_bytes > limits.buffered_bytes, Ordering::Relaxed);
        let position = state.next - 1;
        let full = state.queued_bytes > limits.flush_bytes && state.flush.is_none();
        if fresh || full {
            state.armed = true;
            self.send_soon(Duration::ZERO);
        } else if !state.armed {
            state.armed = true;
            self.send_soon(limits.flush_interval);
        }
        Ok(position)
    }

    /// Has the library's own thread send what is queued, after `wait`.
    fn send_soon(self: &Arc<Self>, wait: Duration) {
        let outbox = Arc::clone(self);
        io::spawn(async move {
            if !wait.is_zero() {
                clock::sleep(wait).await;
            }
            let upto = {
                let mut state = lock(&outbox.state);
                state.armed = false;
                state.next - 1
            };
            // A failure is told to those who wait, and to the next who does.
            let _ = outbox.commit(upto).await;
            lock(&outbox.state).rest();
        });
    }

    /// Waits until everything up to `seq` is durable. Safe to drop: the append goes on.
    pub(crate) async fn commit(self: &Arc<Self>, seq: u64) -> Result<(), Stop> {
        let mut guard = Abandoned { outbox: self, armed: true };
        let result = loop {
            let flush = {
                let mut state = lock(&self.state);
                if state.durable >= seq {
                    break Ok(());
                }
                if let Some(stop) = &state.failed {
                    break Err(stop.clone());
                }
                if state.queue.is_empty() && state.flush.is_none() {
                    break Ok(());
                }
                self.flush(&mut state)
            };
            flush.await;
        };
        guard.armed = false;
        result
    }

    /// The position of the last event that was pushed.
    pub(crate) fn last(&self) -> u64 {
        lock(&self.state).next - 1
    }

    /// Notes an outcome that its caller has before it is durable.
    pub(crate) fn leave_behind(&self, seq: u64) {
        lock(&self.state).behind = seq;
    }

    /// Waits until every outcome that was given early is durable.
    pub(crate) async fn catch_up(self: &Arc<Self>) -> Result<(), Stop> {
        let behind = {
            let state = lock(&self.state);
            if state.behind > state.durable { state.behind } else { 0 }
        };
        if behind > 0 { self.commit(behind).await } else { Ok(()) }
    }

    /// Whether an outcome of a call became durable since this process has the run.
    pub(crate) fn has_progressed(&self) -> bool {
        self.progressed.load(Ordering::Relaxed)
    }

    /// Whether everything that was pushed is durable.
    pub(crate) fn is_settled(&self) -> bool {
        let state = lock(&self.state);
        state.queue.is_empty() && state.flush.is_none() && state.failed.is_none()
    }

    /// Takes no more events: nothing may follow from an owner that is none any more. Who waits for one is told why.
    pub(crate) fn close(&self, stop: &Stop) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.failed.get_or_insert_with(|| stop.clone());
        state.queue.clear();
        state.held.drain(..).for_each(Waker::wake);
        self.full.store(false, Ordering::Relaxed);
    }

    /// Whether components must wait because streamed text piles up; wakes `waker` when it no longer does.
    pub(crate) fn holds(&self, waker: &Waker) -> bool {
        if !self.full.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = lock(&self.state);
        let full = self.full.load(Ordering::Relaxed);
        if full {
            state.held.push(waker.clone());
        }
        full
    }

    /// Whether so much text waits that not even waiting helps: it was emitted without an await.
    pub(crate) fn overflows(&self) -> bool {
        self.full.load(Ordering::Relaxed)
            && lock(&self.state).queued_bytes > 2 * self.config.limits.buffered_bytes
    }

    fn flush(self: &Arc<Self>, state: &mut State) -> Flush {
        if let Some(flush) = &state.flush {
            return flush.clone();
        }
        let (first, events) = state.take(&self.config.limits);
        let outbox = Arc::clone(self);
        let future: BoxFuture<()> = Box::pin(async move {
            // Encoded here, where the state is not locked: others go on with pushing.
            let batch = outbox.batch(first, &events);
            let progress = events.iter().any(|event| is_progress(&event.kind));
            drop(events);
            let answer = outbox.append(&batch).await;
            if progress && answer.is_ok() {
                outbox.progressed.store(true, Ordering::Relaxed);
            }
            outbox.settle(&batch, answer);
        });
        let flush = future.shared();
        state.flush = Some(flush.clone());
        flush
    }

    fn batch(&self, first: EventId, events: &[Event]) -> Batch {
        let closes = events.last().and_then(|event| match &event.kind {
            EventKind::RunEnded { status, .. } => Some(*status),
            _ => None,
        });
        let payloads = events.iter().map(Event::encode).collect();
        let token = BatchToken { owner: self.owner, number: first.seq };
        Batch { run: self.run.clone(), first, token, payloads, kind: BatchKind::Continues, closes }
    }

    fn settle(&self, batch: &Batch, answer: Result<(), Stop>) {
        let failed = answer.as_ref().err().cloned();
        self.note(batch, answer);
        if let (Some(stop), Some(run)) = (failed, self.core.get().and_then(Weak::upgrade)) {
            run.stop(stop);
        }
    }

    fn note(&self, batch: &Batch, answer: Result<(), Stop>) {
        let mut state = lock(&self.state);
        state.flush = None;
        match answer {
            Ok(()) => state.durable = batch.last_seq(),
            Err(stop) => {
                state.failed = Some(stop);
                state.queue.clear();
            }
        }
        if state.queue.is_empty() {
            state.queued_bytes = 0;
        }
        if state.queued_bytes <= self.config.limits.buffered_bytes {
            self.full.store(false, Ordering::Relaxed);
            state.held.drain(..).for_each(Waker::wake);
        }
    }

    /// Appends a batch, repeating it within the budget while the sink does not answer.
    async fn append(&self, batch: &Batch) -> Result<(), Stop> {
        let (sink, budget) = (&self.config.sink, self.config.limits.sink_retry_budget);
        let (mut wait, mut waited) = (RETRY_INITIAL, Duration::ZERO);
        loop {
            match sink.append(batch).await {
                Ok(answer) => return self.judge(answer),
                Err(error) if error.kind() == SinkErrorKind::Unavailable && waited < budget => {
                    tracing::warn!(run = %self.run, error = %error, "append failed, it is repeated");
                }
                Err(error) => return Err(self.sink_lost(error)),
            }
            clock::sleep(wait).await;
            waited += wait;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    fn judge(&self, answer: Append) -> Result<(), Stop> {
        let reason = match heard(answer) {
            Heard::Durable => return Ok(()),
            Heard::Ended => "another owner has ended it",
            Heard::Stop if answer == Append::Lost => {
                "the store no longer holds the end of its stream: resume it"
            }
            Heard::Stop => "another owner has taken it over",
        };
        Err(Stop::LetGo(Error::of(
            ErrorKind::Fenced,
            format!("run `{}` was stopped here: {reason}", self.run),
        )))
    }

    fn sink_lost(&self, error: SinkError) -> Stop {
        let text = format!(
            "run `{}` was stopped, its events cannot be stored: resume it when the sink works",
            self.run
        );
        Stop::LetGo(Error::of(ErrorKind::Sink, text).with_source(error))
    }
}

/// Whether it is an outcome that a replay does not make again: a run that ends its workers cannot record such for ever.
fn is_progress(kind: &EventKind) -> bool {
    match kind {
        EventKind::Ended { outcome } => !matches!(outcome, Outcome::Cancelled),
        EventKind::TimerFired | EventKind::InputReceived { .. } => true,
        _ => false,
    }
}

impl State {
    /// Queues the event; text joins what waits of the same channel, to at most `event_bytes`.
    fn add(&mut self, event: Event, event_bytes: usize) {
        if let EventKind::Text { channel, text } = &event.kind {
            self.queued_bytes += text.len();
            if let Some(last) = self.queue.back_mut()
                && last.call == event.call
                && last.attempt == event.attempt
                && let EventKind::Text { channel: before, text: joined } = &mut last.kind
                && before == channel
                && joined.len() + text.len() <= event_bytes
            {
                return joined.push_str(text);
            }
        }
        self.queue.push_back(event);
        self.next += 1;
    }

    /// Whether text that is added now comes after a silence.
    fn is_fresh(&self, silence: Duration) -> bool {
        // No clock is read for text that joins what waits.
        self.queued_bytes == 0
            && self.text_sent.is_none_or(|sent| clock::now().duration_since(sent) >= silence)
    }

    /// Gives the queue's room back: a run that waits keeps none.
    fn rest(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    /// Takes the next events, within the bounds of an append, and gives the first one's place.
    fn take(&mut self, limits: &Limits) -> (EventId, Vec<Event>) {
        let mut bytes = 0;
        let fits = |event: &&Event| {
            let fits = bytes <= limits.batch_bytes;
            bytes += event.weight();
            fits
        };
        let size = self.queue.iter().take(limits.batch_events.max(1)).take_while(fits).count();
        let first = EventId::new(self.epoch, self.next - self.queue.len() as u64);
        let events: Vec<Event> = self.queue.drain(..size).collect();
        let sent: usize = events.iter().map(Event::text_bytes).sum();
        if sent > 0 {
            self.text_sent = Some(clock::now());
        }
        self.queued_bytes = self.queued_bytes.saturating_sub(sent);
        (first, events)
    }
}

/// A waiter that was dropped: somebody else must drive the append.
struct Abandoned<'a> {
    outbox: &'a Arc<Outbox>,
    armed: bool,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.outbox.send_soon(Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests;
