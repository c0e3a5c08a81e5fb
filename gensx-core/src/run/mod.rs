//! One run in this process: what its calls share.

pub(crate) mod by_call;
pub(crate) mod foreign;
pub(crate) mod gate;
pub(crate) mod ledger;
pub(crate) mod lookup;
pub(crate) mod mail;
pub(crate) mod node;
pub(crate) mod outbox;
pub(crate) mod rest;
pub(crate) mod scope;
pub(crate) mod task;
pub(crate) mod turns;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use serde_json::Value;

use self::{
    foreign::Foreign,
    gate::{Gate, Step},
    ledger::Ledger,
    mail::Mail,
    outbox::Outbox,
    rest::Rest,
    turns::Turns,
};
use crate::{
    CallId, Error, ErrorKind, RunId,
    event::{Event, EventKind, Outcome},
    runtime::Config,
};

/// Why a run's work ends before its own end. None of these is an error that a component can catch: the run's
/// future is dropped first.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// Somebody cancelled the run.
    Cancelled,
    /// The run is let go of, to be resumed later or elsewhere.
    LetGo(Error),
    /// The run only waits, and leaves memory until its wait is over.
    Parked(Rest),
    /// The run cannot go on: it ends as failed.
    Broken(Error),
}

/// A task of a run's components.
#[derive(Debug)]
pub(crate) struct Beside(Arc<AtomicUsize>);

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What the calls of one run share.
#[derive(Debug)]
pub(crate) struct RunCore {
    pub(crate) id: RunId,
    pub(crate) config: Arc<Config>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) gate: Gate,
    pub(crate) turns: Turns,
    pub(crate) mail: Mail,
    ledger: Mutex<Ledger>,
    stop: OnceLock<Stop>,
    /// Wakes the run's own future.
    waker: AtomicWaker,
    pub(crate) foreign: Foreign,
    /// Tasks that the run's components spawned, which poll calls as well.
    spawned: Arc<AtomicUsize>,
    /// The last published state of each object.
    objects: Mutex<HashMap<String, Value>>,
    secrets: Mutex<Vec<String>>,
    /// The store's time when this process took the run, and the clock's then.
    store_time: (u64, Duration),
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No guarded state here is left half changed by a panic: every critical section is a few plain assignments.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunCore {
    pub(crate) fn new(
        id: RunId,
        config: Arc<Config>,
        outbox: Arc<Outbox>,
        mut ledger: Ledger,
        store_now_ms: u64,
    ) -> Self {
        let store_time = (store_now_ms, config.clock.elapsed());
        let objects = std::mem::take(&mut ledger.objects);
        let gate = Gate::new(ledger.outcomes());
        let mail = Mail::new(std::mem::take(&mut ledger.taken_messages));
        Self {
            id,
            config,
            outbox,
            gate,
            turns: Turns::default(),
            mail,
            ledger: Mutex::new(ledger),
            stop: OnceLock::new(),
            waker: AtomicWaker::new(),
            foreign: Foreign::default(),
            spawned: Arc::default(),
            objects: Mutex::new(objects),
            secrets: Mutex::default(),
            store_time,
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub(crate) fn objects(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        lock(&self.objects)
    }

    /// The store's time, in milliseconds since 1970.
    pub(crate) fn store_now_ms(&self) -> u64 {
        let (then, at) = self.store_time;
        let since = self.config.clock.elapsed().saturating_sub(at).as_millis();
        then.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// What is left of a recorded wait; never more than the wait was.
    pub(crate) fn remaining(&self, due_ms: u64, whole: Duration) -> Duration {
        Duration::from_millis(due_ms.saturating_sub(self.store_now_ms())).min(whole)
    }

    pub(crate) fn push(&self, call: Option<CallId>, attempt: u32, kind: EventKind) -> u64 {
        let event = Event::new(crate::clock::unix_ms(), call, attempt, kind);
        match self.outbox.push(event) {
            Ok(seq) => seq,
            Err(error) => {
                self.stop(Stop::Broken(error));
                0
            }
        }
    }

    /// Records that a call is cancelled. With `partial`, outcomes below it had been given.
    pub(crate) fn push_cancelled(&self, call: CallId, attempt: u32, partial: bool) {
        self.push(Some(call), attempt, EventKind::Ended { outcome: Outcome::Cancelled });
        self.ledger().forget(call, partial);
    }

    /// Waits until everything up to `seq` is durable. When that cannot be, the run is stopped and this never
    /// returns: the run's future, which waits here, is dropped.
    pub(crate) async fn commit(&self, seq: u64) {
        if let Err(stop) = self.outbox.commit(seq).await {
            self.stop(stop);
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn stop(&self, stop: Stop) {
        if matches!(stop, Stop::LetGo(_) | Stop::Parked(_)) {
            self.outbox.close(&stop);
        }
        if self.stop.set(stop).is_ok() {
            self.waker.wake();
            self.foreign.wake_all();
        }
    }

    pub(crate) fn stopped(&self) -> Option<&Stop> {
        self.stop.get()
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Lets somebody through who waits for the order of the stream; called when the run's future has nothing else to do.
    fn step(&self) -> Step {
        if self.turns.is_waited_for() && !self.gate.is_hearing() {
            let others = !self.foreign.is_empty() || self.spawned.load(Ordering::Acquire) > 0;
            return self.turns.step(others);
        }
        self.gate.step()
    }

    /// Counts a task that polls calls of this run beside its own future, until it is dropped.
    pub(crate) fn beside(&self) -> Beside {
        self.spawned.fetch_add(1, Ordering::AcqRel);
        Beside(Arc::clone(&self.spawned))
    }

    pub(crate) fn keep_secrets(&self, found: Vec<String>) {
        if found.is_empty() {
            return;
        }
        let mut secrets = lock(&self.secrets);
        for secret in found {
            if !secrets.contains(&secret) {
                secrets.push(secret);
            }
        }
        // The longest first: one may begin with another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// Hides what is known to be secret in a text that goes to the stream.
    pub(crate) fn mask(&self, text: &str) -> String {
        let secrets = lock(&self.secrets);
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"))
    }
}

/// The error of a run that this process let go of.
pub(crate) fn let_go(id: &RunId) -> Error {
    Error::of(ErrorKind::Drained, format!("run `{id}` was let go of by this process: resume it"))
}

/// The error of a call whose parent has ended, or whose run has.
pub(crate) fn cancelled(name: &str) -> Error {
    let text = format!("the call of `{name}` was cancelled: the component that built it has ended");
    Error::of(ErrorKind::Cancelled, text)
}
