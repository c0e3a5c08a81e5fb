//! What the cases share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    EventId, RunId, RunStatus,
    clock::BoxFuture,
    sink::{Append, Batch, BatchKind, BatchToken, Entry, EventSink, Message, SinkError, SinkErrorKind},
};

/// The longest that anything that should happen soon may take: long, since build machines are slow.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The workflow's name in every opening batch.
pub(super) const WORKFLOW: &str = "conformance";

#[expect(
    clippy::disallowed_methods,
    reason = "a store that hangs must fail its case; there is no runtime's clock here"
)]
pub(crate) async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing happened within {limit:?}"),
    }
}

/// Runs each future on a thread of its own, and gives their results in order.
#[expect(
    clippy::disallowed_methods,
    reason = "cases about races need threads that run at once, and wait for them all"
)]
pub(crate) async fn at_once<T: Send + 'static>(futures: Vec<BoxFuture<T>>) -> Vec<T> {
    let handle = tokio::runtime::Handle::current();
    let run = |future: BoxFuture<T>| {
        let handle = handle.clone();
        tokio::task::spawn_blocking(move || handle.block_on(future))
    };
    let tasks: Vec<_> = futures.into_iter().map(run).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap_or_else(|error| panic!("a racing task failed: {error}")));
    }
    results
}

pub(crate) fn run_id(text: &str) -> RunId {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A batch with a token of its own, by the one owner of its epoch.
pub(super) fn batch(run: &RunId, epoch: u32, first_seq: u64, payloads: &[&str]) -> Batch {
    Batch {
        run: run.clone(),
        first: EventId::new(epoch, first_seq),
        token: token(epoch.into()),
        payloads: payloads.iter().map(|text| Arc::from(text.as_bytes())).collect(),
        kind: BatchKind::Continues,
        closes: None,
    }
}

/// A token that no other batch has.
pub(super) fn token(owner: u64) -> BatchToken {
    static LATEST: AtomicU64 = AtomicU64::new(0);
    BatchToken { owner, number: LATEST.fetch_add(1, Ordering::Relaxed) }
}

/// A batch that opens a run with one event, which says so.
pub(super) fn opening(run: &RunId) -> Batch {
    Batch { kind: BatchKind::Opens(WORKFLOW.into()), ..batch(run, 1, 1, &["opened"]) }
}

/// A claim with one event, which says so.
pub(super) fn claim(run: &RunId, epoch: u32, seq: u64) -> Batch {
    Batch { kind: BatchKind::Claims { deployment: None }, ..batch(run, epoch, seq, &["claim"]) }
}

/// A batch that ends a run with one event.
pub(super) fn closing(run: &RunId, epoch: u32, seq: u64, status: RunStatus) -> Batch {
    Batch { closes: Some(status), ..batch(run, epoch, seq, &["closed"]) }
}

/// Appends, and demands an answer.
pub(super) async fn append(sink: &Arc<dyn EventSink>, batch: &Batch) -> Append {
    ok(sink.append(batch).await)
}

/// Appends, and demands that it is done.
pub(super) async fn must_append(sink: &Arc<dyn EventSink>, batch: &Batch) {
    assert_eq!(append(sink, batch).await, Append::Done, "{batch:?}");
}

/// Opens a run with `events` events.
pub(super) async fn open(sink: &Arc<dyn EventSink>, run: &RunId, events: u64) {
    must_append(sink, &opening(run)).await;
    for seq in 2..=events {
        must_append(sink, &batch(run, 1, seq, &[&format!("event {seq}")])).await;
    }
}

/// The whole stream, read in pages of `limit`.
pub(super) async fn read_all(sink: &Arc<dyn EventSink>, run: &RunId, limit: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map_or(0, |entry| entry.id.seq);
        let page = ok(sink.read(run, after, limit).await);
        if page.is_empty() {
            return entries;
        }
        entries.extend(page);
    }
}

/// The stream's ids and its payloads as text.
pub(super) async fn texts(sink: &Arc<dyn EventSink>, run: &RunId) -> Vec<(EventId, String)> {
    let text = |entry: Entry| (entry.id, String::from_utf8_lossy(&entry.payload).into_owned());
    read_all(sink, run, 1_000).await.into_iter().map(text).collect()
}

pub(super) fn message(name: &str, body: &str) -> Message {
    Message { number: 0, name: name.to_owned(), body: body.to_owned(), id: None }
}

/// The answer of a store that is up.
pub(super) fn ok<T>(answer: Result<T, SinkError>) -> T {
    answer.unwrap_or_else(|error| panic!("the store failed: {error} ({:?})", error.kind()))
}

/// The kind of the error that was demanded.
pub(super) fn refused<T: std::fmt::Debug>(answer: Result<T, SinkError>) -> SinkErrorKind {
    match answer {
        Ok(value) => panic!("an error was expected, not {value:?}"),
        Err(error) => error.kind(),
    }
}
