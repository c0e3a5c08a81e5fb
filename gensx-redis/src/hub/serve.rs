//! The hub's task: it keeps a connection that listens, and fetches what the doorbells say.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream::FuturesUnordered,
};
use gensx_core::RunId;
use redis::{PushInfo, PushKind, Value, cmd};
use tokio::sync::mpsc;

use super::{
    Inner, State, Task,
    state::{Bell, Found, From},
};
use crate::{
    clock,
    connect::{Connection, Ear},
    error::Failure,
    keys,
    queue::QueueKeys,
    reply,
    store::Store,
};

/// Doorbells that wait to be looked at. When there are more, every run is looked at.
const MAX_BELLS: usize = 16_384;
/// Runs that are listened to with one request.
const LISTEN_AT_ONCE: usize = 500;
/// Runs whose news are fetched at once: after a reconnection all of them are due.
const FETCHES_AT_ONCE: usize = 32;
/// Between two looks for runs that nobody reads any more.
const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks the connection is asked whether it is there.
const TICKS_PER_PING: u32 = 5;
/// Every so many ticks each run is looked at, though no doorbell rang.
const TICKS_PER_LOOK: u32 = 30;
/// The wait before the second try to connect, doubled after each other one.
const RECONNECT_MIN: Duration = Duration::from_millis(20);
const RECONNECT_MAX: Duration = Duration::from_secs(1);

/// What is heard on the connection.
struct Bells {
    heard: mpsc::Receiver<PushInfo>,
    /// Some did not fit.
    missed: Arc<AtomicBool>,
}

pub(super) async fn serve(inner: Arc<Inner>) {
    let (mut wait, mut deaf_since) = (RECONNECT_MIN, None);
    while wanted(&inner).await {
        let Err(ended) = listen(&inner).await else { return };
        if matches!(ended, Ended::Lost) {
            (wait, deaf_since) = (RECONNECT_MIN, None);
        }
        let now = clock::now();
        let deaf_for = now.saturating_duration_since(*deaf_since.get_or_insert(now));
        inner.state().unheard(ended, deaf_for >= inner.store.link.limit());
        clock::sleep(wait).await;
        wait = (wait * 2).min(RECONNECT_MAX);
    }
}

/// Why listening has ended.
enum Ended {
    /// The connection broke.
    Lost,
    /// There is none, or it may not listen.
    Failed(Failure),
}

impl<E: Into<Failure>> std::convert::From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl State {
    fn is_wanted(&self) -> bool {
        !self.runs.is_empty() || self.mail.is_wanted() || self.queue.is_wanted() || self.outputs.is_wanted()
    }

    /// `for_long`: for as long as a request may take.
    fn unheard(&mut self, ended: Ended, for_long: bool) {
        self.runs.unheard();
        self.mail.unheard();
        self.queue.unheard();
        self.outputs.unheard();
        // One try that failed is no news for readers, unless the next ones must fail, too.
        if let Ended::Failed(failure) = ended
            && (for_long || !failure.is_transient())
        {
            self.runs.fail(&failure);
            self.mail.fail(&failure);
            self.queue.fail(&failure);
        }
    }
}

/// Waits until there is something to listen to. `false`: the sink is dropped.
async fn wanted(inner: &Inner) -> bool {
    loop {
        {
            let state = inner.state();
            if state.task == Task::Closed {
                return false;
            }
            if state.is_wanted() {
                return true;
            }
        }
        inner.wake.notified().await;
    }
}

fn ear() -> (Ear, Bells) {
    let (sender, heard) = mpsc::channel(MAX_BELLS);
    let missed = Arc::new(AtomicBool::new(false));
    let full = Arc::clone(&missed);
    let ear: Ear = Arc::new(move |push| {
        // A closed channel is that of a connection that was left.
        if let Err(mpsc::error::TrySendError::Full(_)) = sender.try_send(push) {
            full.store(true, Ordering::Relaxed);
        }
    });
    (ear, Bells { heard, missed })
}

/// A connection, and what is being done over it.
struct Session<'a> {
    inner: &'a Arc<Inner>,
    connection: Connection,
    bells: Bells,
    fetches: FuturesUnordered<BoxFuture<'static, (RunId, Result<Found, Failure>)>>,
    ticks: u32,
}

/// Listens until the sink is dropped.
async fn listen(inner: &Arc<Inner>) -> Result<(), Ended> {
    let link = &inner.store.link;
    let (ear, bells) = ear();
    let mut connections = link.connections();
    let connect = link.server().connect(link.limit(), ear);
    let Some(connection) = clock::within(link.limit(), connect).await else {
        return Err(
            Failure::unavailable("Redis takes no connection to listen over: check that it runs").into()
        );
    };
    let fetches = FuturesUnordered::new();
    let mut session = Session { inner, connection: connection?, bells, fetches, ticks: 0 };
    let mut tick = std::pin::pin!(clock::sleep(TICK));
    loop {
        if inner.state().task == Task::Closed {
            return Ok(());
        }
        session.begin_fetches();
        if session.ask().await? {
            continue;
        }
        tokio::select! {
            push = session.bells.heard.recv() => match push {
                Some(push) => session.hear(push)?,
                None => return Err(Ended::Lost),
            },
            Some((run, found)) = session.fetches.next(), if !session.fetches.is_empty() => {
                inner.state().runs.fetched(&run, found);
            }
            () = inner.wake.notified() => {}
            // Requests go over another connection now, maybe to another server, which this one would not hear.
            Ok(()) = connections.changed() => return Err(Ended::Lost),
            () = &mut tick => {
                session.tick().await?;
                tick.set(clock::sleep(TICK));
            }
        }
    }
}

impl Session<'_> {
    /// Listens to what is new. `true`: there may be more.
    async fn ask(&mut self) -> Result<bool, Ended> {
        let (runs, mail, queue, outputs) = {
            let mut state = self.inner.state();
            let mail = state.mail.is_wanted() && !state.mail.is_heard();
            (
                state.runs.next_to_ask(LISTEN_AT_ONCE),
                mail,
                state.queue.is_to_be_asked(),
                state.outputs.is_to_be_asked(),
            )
        };
        if queue {
            self.ask_for_the_queue().await?;
        }
        let (keys, limit) = (&self.inner.store.keys, self.inner.store.link.limit());
        if mail {
            within(limit, self.connection.listen_to_all(&keys.mail())).await?;
            self.inner.state().mail.heard();
        }
        if outputs {
            within(limit, self.connection.listen_to_all(&keys.cache_bell())).await?;
            self.inner.state().outputs.heard();
        }
        if runs.is_empty() {
            return Ok(mail || queue || outputs);
        }
        let channels: Vec<String> = runs.iter().map(|run| keys.channel(run)).collect();
        let answers = within(limit, self.connection.listen(&channels)).await?;
        let mut state = self.inner.state();
        for (run, answer) in runs.iter().zip(answers) {
            match answer {
                Ok(()) => state.runs.heard(run),
                Err(error) => state.runs.refused(run, error.into()),
            }
        }
        Ok(true)
    }

    /// Listens to the queue's doorbell, and looks at what rang before.
    async fn ask_for_the_queue(&mut self) -> Result<(), Ended> {
        let (keys, limit) = (QueueKeys::new(&self.inner.store.keys), self.inner.store.link.limit());
        let refused = within(limit, self.connection.listen(std::slice::from_ref(&keys.bell))).await?;
        if let Some(Err(error)) = refused.into_iter().next() {
            self.inner.state().queue.refused(error.into());
            return Ok(());
        }
        let mut command = cmd("HGET");
        command.arg(keys.counts()).arg("cursor");
        let cursor = within(limit, self.connection.ask(&command)).await?;
        let cursor = reply::optional_text(cursor)?.and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        self.inner.state().queue.heard(cursor);
        Ok(())
    }

    fn begin_fetches(&mut self) {
        let free = FETCHES_AT_ONCE - self.fetches.len();
        if free == 0 {
            return;
        }
        for (run, from) in self.inner.state().runs.next_to_fetch(free) {
            let store = Arc::clone(&self.inner.store);
            self.fetches.push(async move { (run.clone(), fetch(&store, &run, from).await) }.boxed());
        }
    }

    fn hear(&mut self, push: PushInfo) -> Result<(), Ended> {
        if self.bells.missed.swap(false, Ordering::Relaxed) {
            let mut state = self.inner.state();
            state.runs.look_again();
            state.mail.miss();
            state.outputs.miss();
            state.queue.unheard();
        }
        match push.kind {
            PushKind::Disconnection => return Err(Ended::Lost),
            PushKind::Message | PushKind::SMessage => self.ring(&push.data),
            PushKind::SUnsubscribe => self.silenced(&push.data),
            _ => {}
        }
        Ok(())
    }

    fn ring(&self, data: &[Value]) {
        let [Value::BulkString(channel), Value::BulkString(text)] = data else { return };
        let keys = &self.inner.store.keys;
        let mut state = self.inner.state();
        if let Some(run) = keys.run_of_channel(channel) {
            let bell = keys::parse_id(text).map_or(Bell::Gone, Bell::Grown);
            state.runs.ring(&run, bell);
        } else if channel == keys.mail().as_bytes()
            && let Some(run) = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok())
        {
            state.mail.ring(run);
        } else if channel == keys.cache_bell().as_bytes()
            && let Ok(name) = std::str::from_utf8(text)
        {
            state.outputs.ring(name);
        } else if channel == keys.queue_bell().as_bytes()
            && let Some(cursor) = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok())
        {
            state.queue.ring(cursor);
        }
    }

    /// A channel is heard no more. That of a run that was forgotten is not asked for again.
    fn silenced(&self, data: &[Value]) {
        let Some(Value::BulkString(channel)) = data.first() else { return };
        let keys = &self.inner.store.keys;
        if let Some(run) = keys.run_of_channel(channel) {
            self.inner.state().runs.silenced(&run);
        } else if channel == keys.queue_bell().as_bytes() {
            self.inner.state().queue.unheard();
        }
    }

    async fn tick(&mut self) -> Result<(), Ended> {
        self.ticks += 1;
        let idle = self.inner.state().runs.forget_idle(clock::now());
        let limit = self.inner.store.link.limit();
        for some in idle.chunks(LISTEN_AT_ONCE) {
            let channels: Vec<String> = some.iter().map(|run| self.inner.store.keys.channel(run)).collect();
            within(limit, self.connection.leave(&channels)).await?;
        }
        {
            let mut state = self.inner.state();
            state.runs.retry();
            state.queue.retry();
        }
        if self.ticks.is_multiple_of(TICKS_PER_PING) && !self.inner.store.link.server().is_cluster() {
            // In a cluster it would ask all nodes, of which some may be down; those that fall silent there are
            // found by TCP's own questions.
            within(limit, self.connection.ask(&cmd("PING"))).await?;
        }
        if self.ticks.is_multiple_of(TICKS_PER_LOOK) {
            let mut state = self.inner.state();
            state.runs.look_again();
            state.queue.unheard();
        }
        Ok(())
    }
}

/// A request over the connection that listens; one that is broken is left.
async fn within<T>(
    limit: Duration,
    request: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T, Ended> {
    match clock::within(limit, request).await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) if error.is_connection_dropped() => Err(Ended::Lost),
        Some(Err(error)) => Err(error.into()),
        None => Err(Ended::Lost),
    }
}

async fn fetch(store: &Store, run: &RunId, from: From) -> Result<Found, Failure> {
    if let From::After(end) = from {
        let (entries, more) = store.follow(run, end).await?;
        if !entries.is_empty() {
            return Ok(Found::Events { entries, more });
        }
    }
    // Nothing follows, or it is not known what: where the stream ends says whether it went back.
    Ok(match (store.head(run).await?, from) {
        (None, _) => Found::NoStream,
        (Some(head), From::After(end)) if head.last > end => {
            Found::Events { entries: Vec::new(), more: true }
        }
        (Some(head), From::After(end)) if head.last == end => {
            Found::Events { entries: Vec::new(), more: false }
        }
        (Some(head), _) => Found::End(head.last),
    })
}
