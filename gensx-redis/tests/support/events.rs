//! Runs and batches as tests make them.

use std::{sync::Arc, time::Duration};

use gensx_core::{
    EventId, RunId, RunStatus,
    sink::{Batch, BatchKind, BatchToken, Payload},
};

/// The longest that anything that should happen may take: build machines are slow.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// What `future` gives, which must be soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing happened within {LIMIT:?}"),
    }
}

pub(crate) fn run_id(text: &str) -> RunId {
    text.parse().unwrap()
}

/// An event that readers can decode.
pub(crate) fn text(text: &str) -> Payload {
    let json = format!(r#"{{"v":1,"type":"text","time":1,"name":"draft","text":"{text}"}}"#);
    Arc::from(json.as_bytes())
}

fn last_event() -> Payload {
    Arc::from(&br#"{"v":1,"type":"run.ended","time":1,"status":"succeeded"}"#[..])
}

/// A batch with a token of its own, by the one owner of its epoch, that continues under its epoch.
pub(crate) fn next(run: &RunId, first: EventId, payloads: Vec<Payload>) -> Batch {
    let token = BatchToken { owner: first.epoch.into(), number: fastrand::u64(..) };
    Batch { run: run.clone(), first, token, payloads, kind: BatchKind::Continues, closes: None }
}

pub(crate) fn opening(run: &RunId, payloads: Vec<Payload>) -> Batch {
    Batch { kind: BatchKind::Opens("tests".into()), ..next(run, EventId::new(1, 1), payloads) }
}

#[allow(dead_code, reason = "not each test binary takes runs over")]
pub(crate) fn claim(run: &RunId, first: EventId, payloads: Vec<Payload>) -> Batch {
    Batch { kind: BatchKind::Claims { deployment: None }, ..next(run, first, payloads) }
}

pub(crate) fn closing(run: &RunId, first: EventId) -> Batch {
    Batch { closes: Some(RunStatus::Succeeded), ..next(run, first, vec![last_event()]) }
}
