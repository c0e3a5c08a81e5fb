//! Appending: the decision is the script's, so that it and the events are one step.

use gensx_core::{
    EventId, RunId, SinkErrorKind,
    sink::{Append, Batch, BatchKind, Opening},
};

use redis::{Cmd, Value};

use crate::{error::Failure, lane::Lane, link::Request, reply, script, store::Store};

/// The most events of a stream that is copied to give its room back: the copy takes some ten microseconds.
const COMPACT_EVENTS: usize = 256;
/// The most events of one batch: some servers take no more than 3,999 arguments.
const MAX_BATCH_EVENTS: usize = 3_900;
/// The largest payload of one event, and the largest body of one message. Redis takes 512 MiB.
pub(crate) const MAX_VALUE_BYTES: usize = 64 << 20;
/// The longest time that a run is kept for which says how long: some 285,000 years, which Redis takes.
const MAX_KEEP_MS: u64 = (1 << 53) - 1;
/// The most events and bytes of a batch that goes over a lane.
const MAX_LANE_EVENTS: usize = 1_000;
const MAX_LANE_BYTES: usize = 1 << 20;

impl Store {
    /// Appends a batch. Of the one that ended its run, it says for how long that is kept.
    pub(crate) async fn append(&self, batch: &Batch) -> Result<(Append, Option<Closed>), Failure> {
        let key = self.keys.stream(&batch.run);
        check(batch)?;
        if let BatchKind::Opens(opening) = &batch.kind {
            // First, so that no run is in no list.
            self.enlist(&batch.run, &opening.workflow).await?;
        }
        answer(self.link.ask(self.append_request(&key, batch)).await?, &key)
    }

    /// Appends on a lane an owner's next events.
    pub(crate) async fn append_next(&self, lane: &mut Lane, batch: &Batch) -> Next {
        let answer = lane.ask(&self.next_request(batch)).await.map_err(Failure::from).and_then(reply::text);
        match answer.as_deref() {
            Ok("OK") => Next::Done,
            Ok(_) => Next::Ask,
            Err(_) => Next::Failed,
        }
    }

    fn next_request(&self, batch: &Batch) -> Cmd {
        let (run, EventId { epoch, seq }) = (&batch.run, batch.first);
        let id = |seq| format!("{epoch}-{seq}");
        let request = script::NEXT.on(&[&self.keys.stream(run)], |command| {
            command.arg(id(seq - 1)).arg(&batch.token.to_bytes()[..]).arg(self.keys.channel(run));
            for (seq, payload) in (seq..).zip(&batch.payloads) {
                command.arg(id(seq)).arg(&payload[..]);
            }
        });
        request.command
    }

    fn append_request(&self, key: &str, batch: &Batch) -> Request {
        let (run, keys) = (&batch.run, &self.keys);
        let (kind, name) = match &batch.kind {
            BatchKind::Opens(opening) => ("open", &*opening.workflow),
            BatchKind::Claims { deployment } => ("claim", deployment.as_deref().unwrap_or_default()),
            BatchKind::Continues => ("next", ""),
        };
        let (keep, retry_of) = match &batch.kind {
            BatchKind::Opens(Opening { keep_ms, retry_of, .. }) => (*keep_ms, retry_of.as_ref()),
            BatchKind::Claims { .. } | BatchKind::Continues => (None, None),
        };
        let keep = keep.map(|keep| keep.clamp(1, MAX_KEEP_MS).to_string()).unwrap_or_default();
        let status = batch.closes.map_or("", |status| status.as_str());
        let (inbox, copy) = (keys.inbox(run), keys.copy(run));
        // While a cluster moves a slot it takes no request for several keys of which some do not exist: most name one.
        let all = [key, &inbox, &copy];
        let named = if batch.closes.is_some() { &all[..] } else { &all[..1] };
        script::APPEND.on(named, |command| {
            command.arg(batch.first.epoch).arg(batch.first.seq).arg(&batch.token.to_bytes()[..]);
            command.arg(kind).arg(name).arg(status).arg(self.retention_ms.unwrap_or(0));
            command.arg(COMPACT_EVENTS).arg(self.publish()).arg(keys.channel(run));
            command.arg(keep).arg(retry_of.map_or("", RunId::as_str));
            for payload in &batch.payloads {
                command.arg(&payload[..]);
            }
        })
    }
}

/// A run whose last batch was added.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) workflow: String,
    /// When it expires; never if not set.
    pub(crate) kept_ms: Option<u64>,
}

/// What became of a batch on a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// It was added.
    Done,
    /// It does not simply follow, or was added before: the link is to ask what it is.
    Ask,
    /// The lane is of no use, or the server has something against it.
    Failed,
}

/// Whether a batch may go over a lane: it can begin no stream, should the request come late, and is soon repeated.
pub(crate) fn fits_lane(batch: &Batch) -> bool {
    let bytes: usize = batch.payloads.iter().map(|payload| payload.len()).sum();
    let events = batch.payloads.len();
    batch.kind == BatchKind::Continues
        && batch.closes.is_none()
        && batch.first.seq > 1
        && (1..=MAX_LANE_EVENTS).contains(&events)
        && bytes <= MAX_LANE_BYTES
}

fn answer(value: Value, key: &str) -> Result<(Append, Option<Closed>), Failure> {
    if let Value::Array(_) = value {
        return closed(value).map(|closed| (Append::Done, Some(closed)));
    }
    let answer = match reply::text(value)?.as_str() {
        "OK" => Append::Done,
        "DUP" => Append::Duplicate,
        "ENDED" => Append::Ended,
        "FENCED" => Append::Fenced,
        "LOST" => Append::Lost,
        _ => return Err(Failure::foreign("an entry with an id", key)),
    };
    Ok((answer, None))
}

fn closed(value: Value) -> Result<Closed, Failure> {
    let [_, kept, workflow] = reply::fixed(reply::texts(value)?)?;
    Ok(Closed { workflow, kept_ms: kept.parse().ok().filter(|kept| *kept > 0) })
}

fn check(batch: &Batch) -> Result<(), Failure> {
    let (run, events) = (&batch.run, batch.payloads.len());
    let too_large = |text| Err(Failure::new(SinkErrorKind::TooLarge, text));
    if events == 0 {
        return Err(Failure::config(format!("an append to run `{run}` has no events: give it at least one")));
    }
    if events > MAX_BATCH_EVENTS {
        return too_large(format!(
            "an append to run `{run}` has {events} events, {MAX_BATCH_EVENTS} are allowed: append fewer at once"
        ));
    }
    match batch.payloads.iter().map(|payload| payload.len()).find(|bytes| *bytes > MAX_VALUE_BYTES) {
        Some(bytes) => too_large(format!(
            "an event for run `{run}` has {bytes} bytes, {MAX_VALUE_BYTES} are allowed: store it elsewhere"
        )),
        None => Ok(()),
    }
}
