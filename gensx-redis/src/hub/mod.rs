//! One connection that hears the doorbells of all runs that this process reads, for any number of readers. A doorbell
//! is only a hint: what is told to readers was read from the stream.

mod bell;
mod mail;
mod outputs;
mod ring;
mod serve;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gensx_core::{
    EventId, RunId,
    sink::{Arrived, Batch, Entry},
};
use tokio::sync::Notify;

use self::{
    bell::{QueueBell, Rung},
    mail::Mail,
    outputs::Outputs,
    state::{Bell, Known, Runs, Verdict},
};
use crate::{clock, error::Failure, store::Store, thread};

/// The way to the hub's task, which ends when this is dropped.
pub(crate) struct Hub(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    state: Mutex<State>,
    /// For the task: there is something new to listen to, or the end.
    wake: Notify,
}

#[derive(Default)]
struct State {
    runs: Runs,
    mail: Mail,
    queue: QueueBell,
    outputs: Outputs,
    task: Task,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Task {
    /// Nobody has waited for anything yet.
    #[default]
    NotStarted,
    Running,
    Closed,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the guard is dropped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.0.state().task = Task::Closed;
        self.0.wake.notify_one();
    }
}

impl Hub {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self(Arc::new(Inner { store, state: Mutex::default(), wake: Notify::new() }))
    }

    /// Has the task look; it is started with the first thing to listen to.
    fn wake(&self) -> Result<(), Failure> {
        let start = {
            let mut state = self.0.state();
            let start = state.task == Task::NotStarted;
            if start {
                state.task = Task::Running;
            }
            start
        };
        if start {
            thread::spawn(serve::serve(Arc::clone(&self.0)))?;
        }
        self.0.wake.notify_one();
        Ok(())
    }

    /// Waits until a run may have events after a position.
    pub(crate) async fn changed(&self, run: &RunId, after: u64) -> Result<(), Failure> {
        let mut reader = self.enter(run)?;
        // An old failure is no answer: it is being mended, or fails again.
        let (mut known, doubts) = {
            let known = reader.known.borrow_and_update().clone();
            (Known { failure: None, ..known.clone() }, known.doubts)
        };
        loop {
            if let Some(failure) = known.failure {
                return Err(failure);
            }
            let returns = match known.verdict(after, doubts) {
                Verdict::Wait => false,
                Verdict::Return => true,
                Verdict::Ask => self.last(run).await? != Some(after),
            };
            if returns {
                return Ok(());
            }
            // The sender lives as long as there are readers, so the wait cannot fail.
            if reader.known.changed().await.is_err() {
                return Ok(());
            }
            known = reader.known.borrow_and_update().clone();
        }
    }

    /// The position of a run's last event, as the server says.
    async fn last(&self, run: &RunId) -> Result<Option<u64>, Failure> {
        let (store, run) = (Arc::clone(&self.0.store), run.clone());
        let head = thread::run(async move { store.head(&run).await }).await?;
        Ok(head.map(|head| head.last.seq))
    }

    fn enter(&self, run: &RunId) -> Result<Reader<'_>, Failure> {
        let (known, fresh) = {
            let mut state = self.0.state();
            let fresh = !state.runs.is_hot(run);
            (state.runs.enter(run), fresh)
        };
        let reader = Reader { hub: self, run: run.clone(), known };
        if fresh {
            self.wake()?;
        }
        Ok(reader)
    }

    /// A page from what is kept of a run that is read.
    pub(crate) fn page(&self, run: &RunId, after: u64, limit: usize) -> Option<Vec<Entry>> {
        self.0.state().runs.page(run, after, limit)
    }

    /// To be asked before an append, and given to [`appended`](Self::appended).
    pub(crate) fn era(&self) -> u64 {
        self.0.state().runs.era()
    }

    /// This process appended a batch: its own readers need not ask for it.
    pub(crate) fn appended(&self, batch: &Batch, era: u64) {
        let mut state = self.0.state();
        if state.runs.is_hot(&batch.run) {
            let entry = |(seq, payload): (u64, &Arc<[u8]>)| Entry {
                id: EventId::new(batch.first.epoch, seq),
                payload: Arc::clone(payload),
            };
            state.runs.appended(&batch.run, era, (batch.first.seq..).zip(&batch.payloads).map(entry));
        }
    }

    /// This process deleted a run: nothing of it is given any more.
    pub(crate) fn deleted(&self, run: &RunId) {
        self.0.state().runs.ring(run, Bell::Gone);
        self.0.wake.notify_one();
    }

    /// Waits for messages after the first `seen`; `None`: only for being able to. Gives how many there are, and for whom.
    pub(crate) async fn arrivals(&self, seen: Option<u64>) -> Result<(u64, Arrived), Failure> {
        let mut news = self.0.state().mail.want();
        self.wake()?;
        let mut failure = None;
        loop {
            if let Some(failure) = failure {
                return Err(failure);
            }
            let count = news.borrow_and_update().count;
            match (seen, count) {
                (None, Some(count)) => return Ok((count, Arrived::Runs(Vec::new()))),
                (Some(seen), Some(count)) if count > seen => {
                    return Ok((count, self.0.state().mail.since(seen)));
                }
                _ => {}
            }
            if news.changed().await.is_err() {
                return Err(Failure::unavailable("the sink was closed: open it again"));
            }
            failure = news.borrow().failure.clone();
        }
    }
}

impl Hub {
    /// Waits until the queue may give more than when it gave this cursor.
    pub(crate) async fn queue_grown(&self, cursor: u64) -> Result<(), Failure> {
        let mut news = self.0.state().queue.want(cursor);
        self.wake()?;
        let doubts = news.borrow_and_update().doubts;
        // An old failure is no answer: it is being mended, or fails again.
        let mut failure = None;
        loop {
            if let Some(failure) = failure {
                return Err(failure);
            }
            let grown =
                |news: &Rung| news.cursor.is_some_and(|latest| latest > cursor) || news.doubts != doubts;
            if grown(&news.borrow_and_update()) {
                return Ok(());
            }
            if news.changed().await.is_err() {
                return Err(Failure::unavailable("the sink was closed: open it again"));
            }
            failure = news.borrow().failure.clone();
        }
    }
}

impl Hub {
    /// Begins to wait for an output of the cache. Where no task can listen, nothing rings, and the wait is for its time.
    pub(crate) fn await_output(&self, name: &str) -> Listener {
        let rung = self.0.state().outputs.enter(name);
        if let Err(failure) = self.wake() {
            tracing::debug!(?failure, "no doorbell is heard");
        }
        Listener { inner: Arc::clone(&self.0), name: name.to_owned(), rung }
    }
}

/// One who waits for an output. Dropped, it waits no longer.
pub(crate) struct Listener {
    inner: Arc<Inner>,
    name: String,
    rung: tokio::sync::watch::Receiver<()>,
}

impl Listener {
    pub(crate) fn is_heard(&self) -> bool {
        self.inner.state().outputs.is_heard()
    }

    /// Ends when it rings, or may have rung unheard.
    pub(crate) async fn rung(&mut self) {
        // The sender lives as long as this.
        let _ = self.rung.changed().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.inner.state().outputs.leave(&self.name);
    }
}

/// A reader that waits. Dropped, it waits no longer.
struct Reader<'a> {
    hub: &'a Hub,
    run: RunId,
    known: tokio::sync::watch::Receiver<Known>,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.hub.0.state().runs.leave(&self.run, clock::now());
    }
}
