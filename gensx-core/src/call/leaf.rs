//! Recorded calls without a body of their own: time, randomness, sleeps and inputs.

use std::sync::Arc;

use crate::{
    Error, ErrorKind, Fate, Result,
    component::null,
    error::ErrorRecord,
    event::{ErrorBody, EventKind, Json, Origin, Outcome},
    identity::{Fingerprint, Marker},
    run::{
        RunCore, cancelled,
        ledger::{Done, Known},
        lookup::{Asked, Plan, plan},
        node::{Node, Place},
        scope,
        turns::Turn,
    },
};

/// A leaf that was built: it has its place.
pub(crate) struct Leaf {
    name: &'static str,
    place: Place,
}

/// What is to be done about a leaf.
pub(crate) enum Next {
    /// Its outcome is recorded.
    Known(Result<Json>),
    /// It had begun, with this time to end; or it has not.
    Begin { due_ms: Option<u64>, whole_ms: Option<u64> },
}

impl Leaf {
    /// Takes a place under the current call.
    ///
    /// # Errors
    /// Outside a run.
    pub(crate) fn build(name: &'static str, marker: &Marker<'_>) -> Result<Self> {
        match scope::current() {
            Some(node) => Ok(Self { name, place: node.place(name, marker) }),
            None => {
                let text = format!(
                    "`{name}` is recorded in a run, and there is none here: call it inside a component that runs"
                );
                Err(Error::of(ErrorKind::Config, text))
            }
        }
    }

    pub(crate) fn run(&self) -> &Arc<RunCore> {
        &self.place.parent.run
    }

    pub(crate) fn parent(&self) -> &Arc<Node> {
        &self.place.parent
    }

    /// The random bytes that a test runtime draws for this leaf.
    pub(crate) fn drawn(&self) -> Option<[u8; 16]> {
        let probe = self.run().config.probe.as_ref()?;
        Some(probe.random(self.place.id))
    }

    /// Looks up what is recorded, in its turn.
    pub(crate) async fn next(&mut self) -> Result<Next> {
        let run = Arc::clone(self.run());
        if !self.place.is_current() {
            return Err(cancelled(self.name));
        }
        let asked = Asked {
            version: 0,
            fingerprint: Fingerprint::NONE,
            keyed: None,
            parent_begin: self.place.parent.begin(),
        };
        let planned = plan(run.ledger().record(self.place.id), &asked);
        Ok(match planned {
            Plan::Hear(position) => {
                self.place.keep();
                run.gate.hear(&run, position).await;
                let known = run.ledger().claim(self.place.id, self.place.parent.keep);
                Next::Known(match known {
                    Some(Known::Output { json, .. }) => Ok(json),
                    Some(Known::Failed(error)) => Err(error.to_error()),
                    None => Err(cancelled(self.name)),
                })
            }
            Plan::GoOn { wait, .. } => {
                run.gate.start(&run).await;
                let (due_ms, whole_ms) = (wait.map(|wait| wait.due_ms), wait.map(|wait| wait.whole_ms));
                Next::Begin { due_ms, whole_ms }
            }
            Plan::Run | Plan::Refuse => {
                run.gate.start(&run).await;
                Next::Begin { due_ms: None, whole_ms: None }
            }
        })
    }

    /// Records an event of this leaf.
    pub(crate) fn push(&self, kind: EventKind) -> u64 {
        self.run().push(Some(self.place.id), 1, kind)
    }

    /// Records the outcome, and waits until it is durable.
    pub(crate) async fn end(mut self, kind: EventKind, json: Json) -> Json {
        let run = Arc::clone(self.run());
        let position = self.push(kind);
        let turn = Turn::take(&run, position);
        self.place.keep();
        if self.place.parent.keep {
            let result =
                Known::Output { json: json.clone(), type_name: String::new(), origin: Origin::Executed };
            run.ledger().remember(self.place.id, None, Done { position, result });
        }
        run.commit(position).await;
        turn.wait().await;
        json
    }

    /// Records a value as the outcome.
    pub(crate) async fn end_with(self, json: Json, type_name: &'static str) -> Json {
        let type_name = type_name.to_owned();
        let outcome = Outcome::Output { json: json.clone(), type_name, origin: Origin::Executed };
        self.end(EventKind::Ended { outcome }, json).await
    }

    /// Records a failure as the outcome.
    pub(crate) async fn fail(self, error: Error) -> Error {
        let error = error.at(self.place.path(self.name), 1).with_fate(Fate::Permanent);
        let body = ErrorBody(ErrorRecord::of(&error, None, |text| self.run().mask(text)));
        self.end(EventKind::Ended { outcome: Outcome::Failed(body) }, null()).await;
        error
    }
}
