//! What the tests of the queue share.

use std::{path::Path, time::Duration};

use gensx_core::{
    QueueError, QueueErrorKind, RunQueue as _,
    queue::{Claim, Enqueue, Enqueued, Grant, MovePolicy, Release, Released, Wanted, Worker, WorkerId},
};
use gensx_sqlite::{SqliteQueue, SqliteSink};
use rusqlite::Connection;

use super::run_id;

pub(crate) const WORKFLOW: &str = "tests";
/// A lease that no test outlasts.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) async fn open_queue(file: &Path) -> SqliteQueue {
    SqliteSink::open(file).await.unwrap().queue()
}

pub(crate) fn entry(run: &str) -> Enqueue {
    Enqueue::new(run_id(run), WORKFLOW)
}

pub(crate) fn ask(max_runs: usize, lease: Duration) -> Claim {
    Claim {
        worker: Worker { id: WorkerId::from_text("worker"), deployment: "v1".into() },
        workflows: vec![Wanted { workflow: WORKFLOW.into(), policy: MovePolicy::Prefer }],
        max_runs,
        lease,
        max_claims: 1_000,
    }
}

pub(crate) async fn put(queue: &SqliteQueue, entry: &Enqueue) {
    assert_eq!(queue.enqueue(entry).await.unwrap(), Enqueued::Fresh, "{entry:?}");
}

pub(crate) async fn claim(queue: &SqliteQueue, max_runs: usize) -> Vec<Grant> {
    queue.claim(&ask(max_runs, LONG)).await.unwrap().grants
}

pub(crate) fn names(grants: &[Grant]) -> Vec<&str> {
    grants.iter().map(|grant| grant.lease.run.as_str()).collect()
}

pub(crate) async fn done(queue: &SqliteQueue, grants: &[Grant]) {
    for grant in grants {
        let released = queue.release(&grant.lease, &Release::Done, true).await.unwrap();
        assert_eq!(released, Released::Released, "{grant:?}");
    }
}

/// The kind of the error that was demanded, whose message must name the file, and `what` besides.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, QueueError>, what: &str) -> QueueErrorKind {
    let error = answer.expect_err("an error was expected");
    let text = error.to_string();
    assert!(text.starts_with("run queue `sqlite:") && text.contains(what), "{text}");
    error.kind()
}

/// The rows of the queue's tables, but for the one row of numbers: its counts come last.
pub(crate) fn rows(file: &Path) -> Vec<(String, i64)> {
    let file = Connection::open(file).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'queue%' ORDER BY name";
    let mut statement = file.prepare(tables).unwrap();
    let tables = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let count = |table: String| {
        let rows = match table.as_str() {
            "queue_state" => {
                "SELECT ready + delayed + parked + leased + dead + seated FROM queue_state".to_owned()
            }
            table => format!("SELECT count(*) FROM {table}"),
        };
        let rows = file.query_row(&rows, [], |row| row.get(0)).unwrap();
        (table, rows)
    };
    tables.map(count).filter(|(_, rows)| *rows != 0).collect()
}
