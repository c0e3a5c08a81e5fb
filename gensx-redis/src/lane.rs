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

/// The most runtimes that have a lane: an application has one or two, its tests one each.
const MAX_LANES: usize = 16;
/// How long a lane that failed is not made again.
const CLOSED_FOR: Duration = Duration::from_secs(1);

/// The lanes of a sink.
pub(crate) struct Lanes {
    link: Arc<Link>,
    state: Mutex<HashMap<Id, State>>,
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
        Arc::new(Self { link, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, HashMap<Id, State>> {
        // Every change is whole before the guard is dropped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane of the runtime that this is called on; `None` while it is made, after it failed, outside a runtime, and
    /// for a cluster, whose client is too large to have several.
    #[expect(clippy::disallowed_methods, reason = "a lane is to be driven by the application's runtime")]
    pub(crate) fn here(self: &Arc<Self>) -> Option<Lane> {
        let handle = Handle::try_current().ok().filter(|_| !self.link.server().is_cluster())?;
        let runtime = handle.id();
        let mut state = self.state();
        match state.get(&runtime) {
            Some(State::Open(connection, number)) if *number == self.link.number() => {
                return Some(Lane { connection: connection.clone(), runtime });
            }
            Some(State::Opening) => return None,
            Some(State::Closed(until)) if clock::now() < *until => return None,
            _ => {}
        }
        if state.len() >= MAX_LANES {
            // Most of their runtimes are gone; those that are not make theirs again.
            state.clear();
        }
        state.insert(runtime, State::Opening);
        drop(state);
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
        self.state().insert(runtime, made);
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let link = Arc::clone(&self.link);
        // What is known of sentinels belongs to the thread; the connection itself belongs here.
        let client = thread::run(async move { link.server().client().await }).await?;
        client.open().await
    }

    /// Has a runtime's lane made anew, after a while.
    pub(crate) fn close(&self, runtime: Id) {
        self.state().insert(runtime, State::Closed(clock::now() + CLOSED_FOR));
    }
}
