//! A sink whose process can end between two events.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use tokio::sync::{Mutex, watch};

use super::clock::VirtualClock;
use crate::{
    EventSink, RunId, SinkError, SinkErrorKind,
    clock::Clock as _,
    sink::{Append, Arrived, Batch, Cursor, Entry, Head, Inbox, Message, RunFilter, RunPage},
};

/// The time of a test's store when its clock stands at zero, in milliseconds since 1970: the beginning of 2026.
const START_MS: u64 = 1_767_225_600_000;

/// How a process stands that a test pretends to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It lives.
    Alive,
    /// It is dead: no call of the sink is applied, and none returns.
    Dead,
    /// What it had is gone: calls that hung return, so that nothing of them is left.
    Gone,
}

/// One process's time with the store.
#[derive(Debug)]
pub(super) struct Life {
    phase: watch::Sender<Phase>,
    /// Events to be appended before the process dies.
    left: AtomicU64,
    /// Makes an append and what follows from it one step.
    append: Mutex<()>,
}

impl Life {
    /// A process that dies right after its `events`-th event became durable; `None`: one that lives on.
    pub(super) fn new(events: Option<u64>) -> Arc<Self> {
        let left = AtomicU64::new(events.unwrap_or(u64::MAX));
        Arc::new(Self { phase: watch::Sender::new(Phase::Alive), left, append: Mutex::new(()) })
    }

    pub(super) fn die(&self) {
        self.phase.send_if_modified(|phase| {
            let alive = *phase == Phase::Alive;
            if alive {
                *phase = Phase::Dead;
            }
            alive
        });
    }

    pub(super) fn let_go(&self) {
        self.phase.send_replace(Phase::Gone);
    }

    pub(super) async fn died(&self) {
        self.reached(|phase| phase != Phase::Alive).await;
    }

    fn is_alive(&self) -> bool {
        *self.phase.borrow() == Phase::Alive
    }

    async fn reached(&self, wanted: impl Fn(Phase) -> bool) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.phase.subscribe().wait_for(|phase| wanted(*phase)).await;
    }

    /// Never returns while the process counts as dead.
    async fn hang<T>(&self) -> Result<T, SinkError> {
        self.reached(|phase| phase == Phase::Gone).await;
        Err(SinkError::new(SinkErrorKind::Config, "test", "the test ended this process"))
    }

    fn count(&self, events: usize) {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        let left = self.left.load(Ordering::Acquire).saturating_sub(events);
        self.left.store(left, Ordering::Release);
        if left == 0 {
            self.die();
        }
    }
}

/// A sink as one process has it, with the store's time taken from the test's clock.
#[derive(Debug)]
pub(super) struct TestSink {
    pub(super) store: Arc<dyn EventSink>,
    pub(super) clock: VirtualClock,
    pub(super) life: Arc<Life>,
}

impl TestSink {
    async fn during<T>(&self, call: impl Future<Output = Result<T, SinkError>>) -> Result<T, SinkError> {
        if !self.life.is_alive() {
            return self.life.hang().await;
        }
        let _busy = self.clock.busy();
        call.await
    }

    /// As [`during`](Self::during), for a wait: it ends with the process, and idle time may pass in it.
    async fn waiting<T>(&self, wait: impl Future<Output = Result<T, SinkError>>) -> Result<T, SinkError> {
        let (wait, died) = (std::pin::pin!(wait), std::pin::pin!(self.life.died()));
        match select(died, wait).await {
            Either::Left(_) => self.life.hang().await,
            Either::Right((answer, _)) => {
                drop(self.clock.busy());
                answer
            }
        }
    }
}

#[async_trait]
impl EventSink for TestSink {
    fn name(&self) -> String {
        self.store.name()
    }

    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        let turn = self.life.append.lock().await;
        let answer = self.during(self.store.append(batch)).await;
        if matches!(answer, Ok(Append::Done)) {
            self.life.count(batch.payloads.len());
        }
        drop(turn);
        if self.life.is_alive() { answer } else { self.life.hang().await }
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        self.during(self.store.read(run, after, limit)).await
    }

    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        self.during(self.store.head(run)).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        self.waiting(self.store.changed(run, after)).await
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        self.during(self.store.list(filter, after, limit)).await
    }

    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        self.during(self.store.delete(run)).await
    }

    async fn now_ms(&self) -> Result<u64, SinkError> {
        let passed = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(START_MS.saturating_add(passed))
    }
}

#[async_trait]
impl Inbox for TestSink {
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError> {
        self.during(self.store.send(run, message)).await
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        self.during(self.store.receive(run, after, limit)).await
    }

    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        self.waiting(self.store.arrivals(cursor)).await
    }
}
