//! A call whose outcome is recorded: it is heard, and nothing runs.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Built, Failure, Function, Seen};
use crate::{
    BoxError, Error, ErrorKind, Result,
    component::{InputRecord, OutputCodec, SpecRef},
    event::{ErrorBody, EventKind},
    identity::Fingerprint,
    run::{
        RunCore, Stop,
        ledger::Known,
        lookup::{Asked, Plan, plan},
        node::Place,
    },
    runtime::read,
};

pub(super) fn plan_for<T>(call: &Built<'_, T>, place: &Place, fingerprint: Fingerprint) -> Plan {
    let parent = &place.parent;
    if parent.run.ledger().is_empty() {
        return Plan::Run;
    }
    // Before the ledger is locked: calls that end lock it last.
    let parent_begin = parent.begin();
    let mut ledger = parent.run.ledger();
    ledger.note_claimed(place.id);
    let keyed = call.key.is_some().then_some(call.on_change);
    let asked = Asked { version: call.spec.version, fingerprint, keyed, parent_begin };
    plan(ledger.record(place.id), &asked)
}

/// How a recorded outcome becomes what the caller gets.
pub(super) struct Decoder<T> {
    spec: SpecRef,
    function: Function,
    output: OutputCodec<T>,
    error: Option<fn(&RawValue) -> Option<BoxError>>,
}

impl<T> Decoder<T> {
    pub(super) fn of(call: &Built<'_, T>) -> Self {
        let Built { function, output, decode_error: error, .. } = *call;
        Self { spec: call.spec.clone(), function, output, error }
    }

    fn seen<'a>(&'a self, place: &'a Place) -> Seen<'a> {
        Seen {
            run: &place.parent.run.id,
            id: place.id,
            path: place.path(&self.spec.name),
            name: &self.spec.name,
            function: self.function.name(),
            attempt: 0,
            inputs: None,
        }
    }
}

/// Waits for the outcome's turn and gives it.
pub(super) async fn hear<T>(call: &Decoder<T>, place: &mut Place, position: u64) -> Result<T> {
    let run = Arc::clone(&place.parent.run);
    run.gate.hear(&run, position).await;
    place.keep();
    let known = run.ledger().claim(place.id, place.parent.keep);
    if let Some(probe) = &run.config.probe {
        probe.heard(&call.seen(place));
    }
    match known {
        Some(Known::Output { json, type_name, .. }) => match (call.output.decode)(&json) {
            Ok(value) => Ok(value),
            Err(error) => let_go(&run, mismatch(call, place, &type_name, error)).await,
        },
        Some(Known::Failed(error)) => Err(failure(error, call.error)),
        None => {
            let text =
                format!("the outcome of `{}` at position {position} was asked for twice", call.spec.name);
            let_go(&run, Error::of(ErrorKind::Replay, text)).await
        }
    }
}

fn mismatch<T>(call: &Decoder<T>, place: &Place, recorded: &str, error: serde_json::Error) -> Error {
    let wanted = (call.output.type_name)();
    let text = format!(
        "run `{}` cannot go on: the recorded output of `{}` (call {}) was a `{recorded}` and does not decode as the \
         `{wanted}` that it gives now: raise the component's version to have it run again",
        place.parent.run.id, call.spec.name, place.id
    );
    Error::of(ErrorKind::Replay, text).with_source(error)
}

/// Lets the run go with an error, to be resumed by a program that fits what is recorded.
async fn let_go<T>(run: &RunCore, error: Error) -> Result<T> {
    run.stop(Stop::LetGo(error));
    std::future::pending().await
}

pub(super) fn failure(body: ErrorBody, decode: Option<fn(&RawValue) -> Option<BoxError>>) -> Error {
    body.0.into_error(|data| decode.and_then(|decode| decode(data)))
}

/// Waits until a call that is open on the stream may go on. Dropped before that, it is cancelled as it would have been where it
/// was open: one that takes its place later begins anew.
pub(super) async fn go_on(run: &RunCore, place: &Place, attempt: u32) {
    let mut paused = Paused { place, attempt, dropped: true };
    run.gate.start(run).await;
    paused.dropped = false;
}

struct Paused<'p> {
    place: &'p Place,
    attempt: u32,
    dropped: bool,
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        if self.dropped {
            self.place.cancel(self.attempt);
        }
    }
}

/// Brings back the outcomes that were given below a call which was then dropped: the one that takes its place hears them, now as
/// in a replay. This life does not keep them, since few calls are dropped and built again.
pub(super) async fn recall(run: &RunCore) {
    run.commit(run.outbox.last()).await;
    match read(&run.config.sink, &run.id).await {
        Ok(whole) => {
            let recalled = run.ledger().recall(whole.ledger);
            run.gate.activate(recalled);
        }
        Err(error) => {
            run.stop(Stop::LetGo(error));
            std::future::pending::<()>().await;
        }
    }
}

/// Notes on the stream that a resumed run builds a call in whose place another one of its name is recorded.
pub(super) fn note_divergence<T>(call: &Built<'_, T>, place: &Place, inputs: &InputRecord) {
    let parent = &place.parent;
    let mut ledger = parent.run.ledger();
    if ledger.is_empty() {
        return;
    }
    let name = call.spec.name.as_ref();
    let Some((sibling, start)) = ledger.diverging(parent.id, name, inputs.fingerprint) else { return };
    let differs =
        |(arg, print): (&String, &Fingerprint)| (start.args.get(arg) != Some(print)).then(|| arg.clone());
    let mut changed: Vec<String> = inputs.args.iter().filter_map(differs).collect();
    if changed.is_empty() {
        changed.extend(inputs.first_arg.map(str::to_owned));
    }
    drop(ledger);
    let kind = EventKind::Divergence { name: name.to_owned(), sibling, changed };
    parent.run.push(Some(place.id), 1, kind);
}

/// A failure that is only an error.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
