//! What is wrong with a server is said in a typed error that names it and what to do, and never the password. What was
//! acknowledged stays, and other runs go on.

#[path = "faults/back.rs"]
mod back;
#[path = "faults/connect.rs"]
mod connect;
#[path = "support/events.rs"]
mod events;
#[path = "support/fake.rs"]
mod fake;
#[path = "faults/foreign.rs"]
mod foreign;
#[path = "faults/midway.rs"]
mod midway;
#[path = "faults/refused.rs"]
mod refused;
#[path = "faults/rights.rs"]
mod rights;
#[path = "faults/runtimes.rs"]
mod runtimes;

use gensx_core::{
    EventId, EventSink, RunId, SinkError, SinkErrorKind,
    sink::{Append, Batch},
};
use gensx_redis::RedisSink;

use self::events::{next, opening, text};

/// No error may hold it.
const SECRET: &str = "s3cr3t-p4ss";

/// All that an error says, in both ways of printing it.
#[track_caller]
fn said(error: &SinkError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!text.contains(SECRET), "a password in {text}");
    text
}

/// Demands an error of a kind that says some words.
#[track_caller]
fn expect<T: std::fmt::Debug>(answer: Result<T, SinkError>, kind: SinkErrorKind, words: &str) -> SinkError {
    let error = answer.expect_err(words);
    let said = said(&error);
    assert_eq!(error.kind(), kind, "{said}");
    assert!(error.to_string().contains(words), "`{words}` is not in {said}");
    error
}

async fn open(sink: &RedisSink, run: &RunId) {
    assert_eq!(sink.append(&opening(run, vec![text("first")])).await.unwrap(), Append::Done);
}

fn second(run: &RunId) -> Batch {
    next(run, EventId::new(1, 2), vec![text("second")])
}

/// The positions that a run's stream holds.
async fn held(sink: &RedisSink, run: &RunId) -> Vec<u64> {
    sink.read(run, 0, 100).await.unwrap().into_iter().map(|entry| entry.id.seq).collect()
}
