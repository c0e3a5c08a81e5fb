//! The short way: for each runtime of the application a connection that this runtime drives. What goes over the
//! crate's own thread wakes two threads more, and that takes longer than Redis does.
//!
//! A lane knows no remedy. What fails on it, or takes long because its runtime is blocked or its server is gone, is asked
//! again on the crate's own thread: whoever takes it asks what may be asked twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis::{Cmd, RedisResult, Value, aio::MultiplexedConnection};
use tokio::runtime::{Handle, Id};

use crate::{clock, error::Failure, link::Link, thread};

/// The most runtimes that have a lane: an application has one or two, its tests one each. Those of the others append over
/// the thread.
const MAX_LANES: usize = 16;
/// A lane that was not used for so long leaves its place to another runtime: most often its own is gone.
const IDLE: Duration = Duration::from_secs(10);
/// How long a lane that failed is not made again.
const CLOSED_FOR: Duration = Duration::from_secs(1);

/// The lanes of a sink.
pub(crate) struct Lanes {
    link: Arc<Link>,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots(HashMap<Id, Slot>);

struct Slot {
    state: State,
    used: Instant,
}

enum State {
    Opening,
    /// Made when the link was at this connection: when that one is given up, so is this.
    Open(MultiplexedConnection, u64),
    Closed(Instant),
}

/// A connection that the runtime drives which asked for it.
pub(crate) struct Lane {
    connection: MultiplexedConnection,
    runtime: Id,
}

impl Lane {
    pub(crate) fn runtime(&self) -> Id {
        self.runtime
    }

    pub(crate) async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        command.query_async(&mut self.connection).await
    }
}

impl Lanes {
    pub(crate) fn new(link: Arc<Link>) -> Arc<Self> {
        Arc::new(Self { link, slots: Mutex::default() })
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // Every change is whole before the guard is dropped.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane of the runtime that this is called on; `None` while it is made, after it failed, outside a runtime, when
    /// as many others as may be have one, and for a cluster, whose client is too large to have several.
    #[expect(clippy::disallowed_methods, reason = "a lane is to be driven by the application's runtime")]
    pub(crate) fn here(self: &Arc<Self>) -> Option<Lane> {
        let handle = Handle::try_current().ok().filter(|_| !self.link.server().is_cluster())?;
        let (runtime, now) = (handle.id(), clock::now());
        {
            let mut slots = self.slots();
            let slot = slots.of(runtime, now)?;
            match &slot.state {
                State::Open(connection, number) if *number == self.link.number() => {
                    return Some(Lane { connection: connection.clone(), runtime });
                }
                State::Opening => return None,
                State::Closed(until) if now < *until => return None,
                State::Open(..) | State::Closed(_) => slot.state = State::Opening,
            }
        }
        handle.spawn(Arc::clone(self).open(runtime));
        None
    }

    async fn open(self: Arc<Self>, runtime: Id) {
        let number = self.link.number();
        let made = match self.connect().await {
            Ok(connection) => State::Open(connection, number),
            Err(failure) => {
                tracing::debug!(error = ?failure, "no connection of the runtime's own, appends go over the thread");
                State::Closed(clock::now() + CLOSED_FOR)
            }
        };
        self.slots().set(runtime, made);
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let link = Arc::clone(&self.link);
        // What is known of sentinels belongs to the thread; the connection itself belongs here.
        let client = thread::run(async move { link.server().client().await }).await?;
        client.open().await
    }

    /// Has a runtime's lane made anew, after a while.
    pub(crate) fn close(&self, runtime: Id) {
        self.slots().set(runtime, State::Closed(clock::now() + CLOSED_FOR));
    }
}

impl Slots {
    /// A runtime's slot, which is a new one, to be opened, if there is room for it.
    fn of(&mut self, runtime: Id, now: Instant) -> Option<&mut Slot> {
        if !self.0.contains_key(&runtime) && self.0.len() >= MAX_LANES {
            self.0.retain(|_, slot| now.saturating_duration_since(slot.used) < IDLE);
            if self.0.len() >= MAX_LANES {
                return None;
            }
        }
        let slot = self.0.entry(runtime).or_insert(Slot { state: State::Closed(now), used: now });
        slot.used = now;
        Some(slot)
    }

    /// Sets what a runtime's lane is now, unless it has left its place.
    fn set(&mut self, runtime: Id, state: State) {
        if let Some(slot) = self.0.get_mut(&runtime) {
            slot.state = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtimes(count: usize) -> Vec<tokio::runtime::Runtime> {
        let runtime = |_| tokio::runtime::Builder::new_current_thread().build().unwrap();
        (0..count).map(runtime).collect()
    }

    #[test]
    fn a_runtime_has_a_place_as_long_as_it_appends() {
        let (mut slots, runtimes, now) = (Slots::default(), runtimes(MAX_LANES + 1), Instant::now());
        let id = |n: usize| runtimes[n].handle().id();
        for n in 0..MAX_LANES {
            assert!(slots.of(id(n), now).is_some());
        }
        assert!(slots.of(id(MAX_LANES), now).is_none(), "there is no room");
        let later = now + IDLE;
        assert!(slots.of(id(0), later).is_some());
        assert!(slots.of(id(MAX_LANES), later).is_some(), "those that rest make room");
        assert_eq!(slots.0.len(), 2, "those that do not keep theirs");
        slots.set(id(1), State::Opening);
        assert_eq!(slots.0.len(), 2, "what comes late for one that made room is dropped");
    }
}
