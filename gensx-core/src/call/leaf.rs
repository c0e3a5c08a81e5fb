//! Recorded calls without a body of their own: time, randomness, sleeps and inputs.

use std::{future::poll_fn, sync::Arc};

use crate::{
    Error, ErrorKind, Fate, Result,
    error::ErrorRecord,
    event::{ErrorBody, EventKind, Json, Origin, Outcome},
    identity::{Fingerprint, Marker},
    run::{
        RunCore, cancelled,
        ledger::{Done, Known},
        lookup::{Asked, Plan, plan},
        node::{Node, Place},
        rest::{Rest, Resting},
        scope,
        turns::Turn,
    },
};

/// A leaf that was built: it has its place.
pub(crate) struct Leaf {
    name: &'static str,
    place: Place,
    state: State,
}

enum State {
    /// Nothing of it is recorded.
    Built,
    /// The stream says that it waits.
    Waits,
    /// Its outcome is recorded, and the caller does not have it yet.
    Unheard(Box<Done>),
    Over,
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
            Some(node) => Ok(Self { name, place: node.place(name, marker), state: State::Built }),
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
                run.gate.hear(&run, position).await;
                self.place.keep();
                let known = run.ledger().claim(self.place.id, self.place.parent.keep);
                Next::Known(match known {
                    Some(Known::Output { json, .. }) => Ok(json),
                    Some(Known::Failed(error)) => Err(error.to_error()),
                    None => Err(cancelled(self.name)),
                })
            }
            Plan::GoOn { wait, .. } => {
                self.state = State::Waits;
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

    /// Records that it waits.
    ///
    /// # Errors
    /// As every call of which the component that built it has ended.
    pub(crate) fn begin(&mut self, kind: EventKind) -> Result<()> {
        self.note(kind)?;
        self.state = State::Waits;
        Ok(())
    }

    /// Says that it waits, until the answer is dropped.
    pub(crate) fn rest(&self, rest: Rest) -> Option<Resting> {
        Resting::begin(&self.place.parent, self.place.id, rest)
    }

    /// Records an event of this leaf.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) fn note(&self, kind: EventKind) -> Result<()> {
        self.record(kind, drop)
    }

    fn record<R>(&self, kind: EventKind, then: impl FnOnce(u64) -> R) -> Result<R> {
        let push = || then(self.run().push(Some(self.place.id), 1, kind));
        self.place.record(push).ok_or_else(|| cancelled(self.name))
    }

    /// Records the outcome, and waits until it is durable and its turn has come.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) async fn end(&mut self, kind: EventKind, result: Known) -> Result<()> {
        let run = Arc::clone(self.run());
        let (position, turn) = self.record(kind, |position| (position, Turn::take(&run, position)))?;
        let done = Done { position, result };
        if self.place.parent.keep {
            run.ledger().remember(self.place.id, None, done.clone());
        }
        self.state = State::Unheard(Box::new(done));
        run.commit(position).await;
        turn.wait().await;
        self.state = State::Over;
        self.place.keep();
        Ok(())
    }

    /// Records a value as the outcome.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) async fn end_with(&mut self, json: Json, type_name: &'static str) -> Result<()> {
        let type_name = type_name.to_owned();
        let outcome =
            Outcome::Output { json: json.clone(), type_name: type_name.clone(), origin: Origin::Executed };
        let result = Known::Output { json, type_name, origin: Origin::Executed };
        self.end(EventKind::Ended { outcome }, result).await
    }

    /// Records a failure as the outcome, and gives it; or why that cannot be.
    pub(crate) async fn fail(&mut self, error: Error) -> Error {
        let error = error.at(self.place.path(self.name), 1).with_fate(Fate::Permanent);
        let body = ErrorBody(ErrorRecord::of(&error, None, |text| self.run().mask(text)));
        let kind = EventKind::Ended { outcome: Outcome::Failed(body.clone()) };
        self.end(kind, Known::Failed(body)).await.err().unwrap_or(error)
    }

    /// Runs `work` on a leaf for as long as the component wants it that built it.
    pub(crate) fn attended<T, F, W>(leaf: Result<Self>, work: W) -> impl Future<Output = Result<T>> + Send
    where
        F: Future<Output = Result<T>> + Send,
        W: FnOnce(Self) -> F,
    {
        // In a box: the futures of components that hold this one by value stay small.
        let attended = leaf.map(|leaf| (leaf.place.link(), leaf.name, Box::pin(work(leaf))));
        async move {
            let (mut link, name, mut work) = attended?;
            poll_fn(|cx| match super::gone(&mut link, cx) {
                Some(answer) => answer.map(|()| Err(cancelled(name))),
                None => work.as_mut().poll(cx),
            })
            .await
        }
    }
}

/// Says on the stream that nobody waits any more, and leaves an outcome that was recorded to the next who asks.
impl Drop for Leaf {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Waits => self.place.cancel(1),
            State::Unheard(done) => self.place.leave(None, *done),
            State::Built => self.place.abandon(),
            State::Over => {}
        }
    }
}
