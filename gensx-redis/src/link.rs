//! The connection for requests: one for the sink, made anew when it breaks or falls silent.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use redis::{Cmd, PushKind, RedisError, ServerErrorKind, Value};
use tokio::sync::watch;

use crate::{
    clock,
    connect::{Connection, Ear, Server},
    error::Failure,
    script::Script,
};

/// Tries of one request over connections that break. Each request may be repeated: a batch and a message
/// are known by their tokens, and the others change nothing the second time.
const ATTEMPTS: u32 = 4;
/// Requests without an answer after which a connection is taken for dead: no error tells of a half-open one.
const SILENT_REQUESTS: u32 = 3;
/// The wait before the second try to connect, doubled after each other one.
const RECONNECT_MIN: Duration = Duration::from_millis(20);
const RECONNECT_MAX: Duration = Duration::from_millis(500);

pub(crate) struct Link {
    server: Server,
    /// How long one request may take, with all its tries.
    limit: Duration,
    state: Mutex<State>,
    /// Held while a connection is made, so that one is.
    connecting: tokio::sync::Mutex<Backoff>,
    /// Counts connections: who relies on what it heard over an earlier one looks again.
    made: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    made: u64,
    /// Why the last try to connect failed.
    refused: Option<Failure>,
}

#[derive(Clone)]
struct Live {
    connection: Connection,
    number: u64,
    /// Requests in a row that were not answered.
    silent: u32,
}

/// When the next try to connect may be made.
#[derive(Default)]
struct Backoff {
    wait: Duration,
    not_before: Option<Instant>,
}

/// What to do after a failed request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Remedy {
    /// The connection is of no use any more: another one, and the same request.
    Reconnect,
    /// The script is not known there (any more).
    Load,
    /// The failure is the answer.
    Answer,
}

fn remedy(error: &RedisError) -> Remedy {
    match error.kind() {
        redis::ErrorKind::Server(ServerErrorKind::NoScript) => Remedy::Load,
        // After a failover the old master is a replica: the way leads elsewhere now.
        redis::ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => {
            Remedy::Reconnect
        }
        _ if error.is_connection_dropped() || error.is_unrecoverable_error() => Remedy::Reconnect,
        _ => Remedy::Answer,
    }
}

/// A command, and the script that it runs.
pub(crate) struct Request {
    pub(crate) command: Cmd,
    pub(crate) script: Option<&'static Script>,
}

impl From<Cmd> for Request {
    fn from(command: Cmd) -> Self {
        Self { command, script: None }
    }
}

impl Link {
    pub(crate) fn new(server: Server, limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            server,
            limit,
            state: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            made: watch::Sender::new(0),
        })
    }

    /// Connects, in one try: whoever starts a program with a wrong address is told so at once.
    pub(crate) async fn open(self: &Arc<Self>) -> Result<(), Failure> {
        self.connect().await.map(drop)
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Tells of each connection that is made.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.made.subscribe()
    }

    /// The connection that is used now, or the last one.
    pub(crate) fn number(&self) -> u64 {
        self.state().made
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the guard is dropped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection itself, for what is no request.
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<Connection, Failure> {
        Ok(self.live().await?.connection)
    }

    /// Asks, over as many connections as it takes, within the time limit.
    pub(crate) async fn ask(self: &Arc<Self>, request: impl Into<Request>) -> Result<Value, Failure> {
        let request = request.into();
        match clock::within(self.limit, self.attempts(&request)).await {
            Some(answer) => answer,
            None => Err(self.note_silence()),
        }
    }

    async fn attempts(self: &Arc<Self>, request: &Request) -> Result<Value, Failure> {
        for attempt in 1.. {
            let Live { mut connection, number, .. } = self.live().await?;
            let error = match connection.ask(&request.command).await {
                Ok(value) => {
                    self.note_answer(number);
                    return Ok(value);
                }
                Err(error) => error,
            };
            if error.is_timeout() {
                // The connection's own limit is the same, and now and then it is the first to notice.
                return Err(self.note_silence());
            }
            if attempt == ATTEMPTS {
                return Err(error.into());
            }
            match (remedy(&error), request.script) {
                // Should this fail, the request does, and says why.
                (Remedy::Load, Some(script)) => drop(connection.ask(&script.load()).await),
                (Remedy::Reconnect, _) => self.give_up(number),
                _ => return Err(error.into()),
            }
        }
        Err(Failure::unavailable("no try was made"))
    }

    fn note_answer(&self, number: u64) {
        if let Some(live) = self.state().live.as_mut().filter(|live| live.number == number) {
            live.silent = 0;
        }
    }

    /// Counts a request that ran out of time, and says why it did.
    fn note_silence(&self) -> Failure {
        let mut state = self.state();
        if let Some(live) = &mut state.live {
            live.silent += 1;
            if live.silent >= SILENT_REQUESTS {
                state.live = None;
            }
        }
        state.refused.clone().unwrap_or_else(|| {
            let limit = self.limit;
            Failure::unavailable(format!(
                "Redis did not answer within {limit:?}: check that it runs and is not overloaded"
            ))
        })
    }

    /// Leaves a connection, unless another one is used already.
    fn give_up(&self, number: u64) {
        let mut state = self.state();
        if state.live.as_ref().is_some_and(|live| live.number == number) {
            state.live = None;
        }
    }

    async fn live(self: &Arc<Self>) -> Result<Live, Failure> {
        if let Some(live) = &self.state().live {
            return Ok(live.clone());
        }
        // In a box: it is rare, and large.
        self.reconnect().boxed().await
    }

    async fn reconnect(self: &Arc<Self>) -> Result<Live, Failure> {
        let mut backoff = self.connecting.lock().await;
        loop {
            // Made while this one waited for its turn.
            if let Some(live) = &self.state().live {
                return Ok(live.clone());
            }
            if let Some(due) = backoff.not_before {
                clock::sleep(due.saturating_duration_since(clock::now())).await;
            }
            // Before the try, so that one that is broken off by the time limit counts too.
            backoff.wait = (backoff.wait * 2).clamp(RECONNECT_MIN, RECONNECT_MAX);
            backoff.not_before = Some(clock::now() + backoff.wait);
            match self.connect().await {
                Ok(live) => {
                    *backoff = Backoff::default();
                    return Ok(live);
                }
                Err(failure) if failure.is_transient() => self.state().refused = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<Live, Failure> {
        let number = {
            let mut state = self.state();
            state.made += 1;
            state.made
        };
        let link = Arc::downgrade(self);
        let ear: Ear = Arc::new(move |push| {
            if push.kind == PushKind::Disconnection
                && let Some(link) = link.upgrade()
                && !link.server.is_cluster()
            {
                link.give_up(number);
            }
        });
        let connection = self.server.connect(self.limit, ear).await?;
        let live = Live { connection, number, silent: 0 };
        {
            let mut state = self.state();
            (state.live, state.refused) = (Some(live.clone()), None);
        }
        self.made.send_replace(number);
        Ok(live)
    }
}
