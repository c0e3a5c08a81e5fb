//! What the tests share.

#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod jobs;
pub(crate) mod other;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gensx_core::{
    EventId, EventSink as _, RunId, SinkError, SinkErrorKind,
    sink::{Append, Batch, BatchKind, BatchToken, Entry, Message},
};
use gensx_sqlite::SqliteSink;
use tempfile::TempDir;

/// The longest wait for anything that should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// The wait between two looks at something that changes by itself.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// A folder that goes away, and the path of a database in it.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gensx.db");
    (folder, file)
}

pub(crate) async fn open(file: &Path) -> SqliteSink {
    SqliteSink::open(file).await.unwrap()
}

pub(crate) fn run_id(text: &str) -> RunId {
    text.parse().unwrap()
}

/// A batch of one event, whose token is its position: the same batch again is a repetition.
pub(crate) fn batch(run: &RunId, epoch: u32, seq: u64, text: &str) -> Batch {
    Batch {
        run: run.clone(),
        first: EventId::new(epoch, seq),
        token: BatchToken { owner: epoch.into(), number: seq },
        payloads: vec![Arc::from(text.as_bytes())],
        kind: if seq == 1 { BatchKind::Opens("tests".into()) } else { BatchKind::Continues },
        closes: None,
    }
}

/// Appends events up to `last` to a run, from its beginning.
pub(crate) async fn fill(sink: &SqliteSink, run: &RunId, last: u64) {
    for seq in 1..=last {
        let text = format!("event {seq}");
        assert_eq!(sink.append(&batch(run, 1, seq, &text)).await.unwrap(), Append::Done);
    }
}

pub(crate) async fn read_all(sink: &SqliteSink, run: &RunId) -> Result<Vec<Entry>, SinkError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let page = sink.read(run, entries.last().map_or(0, |entry| entry.id.seq), 500).await?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}

pub(crate) fn message(name: &str) -> Message {
    Message { number: 0, name: name.to_owned(), body: "1".to_owned(), id: None }
}

pub(crate) fn kind<T: std::fmt::Debug>(answer: Result<T, SinkError>) -> SinkErrorKind {
    answer.expect_err("an error was expected").kind()
}

/// Looks until `done` says so.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let look = async {
        while !done().await {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    within(what, look).await;
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("{what}: not within {SOON:?}"))
}
