//! What happened to a test's calls.

use std::collections::HashMap;

use serde_json::Value;

use super::which::{Name, Which};
use crate::{CallId, RunId, call::Seen};

/// One thing that happened to a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Happened {
    /// An attempt ran the component's own body.
    Ran,
    /// An attempt ran the double in its place.
    Doubled,
    /// An attempt failed as the test's script says; nothing ran.
    Scripted,
    /// Its recorded outcome, an output or a failure, was given to the caller. Nothing ran.
    Replayed,
    /// It ended with an output from the cache. Nothing ran.
    Cached,
    /// It ended with its fallback's answer.
    FellBack,
    /// It ended with a failure.
    Failed,
}

impl Happened {
    /// Whether an attempt was made.
    #[must_use]
    pub fn is_attempt(self) -> bool {
        matches!(self, Self::Ran | Self::Doubled | Self::Scripted)
    }
}

/// A call, and one thing that happened to it. Calls are heard of where it happens, in this process, not from the
/// stream.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct SeenCall {
    /// The run.
    pub run: RunId,
    /// The call.
    pub id: CallId,
    /// The names from the run's first component down to this one, such as `blog/research`.
    pub path: String,
    /// The component's name.
    pub name: String,
    /// What happened.
    pub happened: Happened,
    /// The attempt, from 1; 0 for a replayed call.
    pub attempt: u32,
    /// The inputs as a JSON object; null where none are recorded, or the call was never attempted here.
    pub inputs: Value,
    function: &'static str,
}

/// What happened to a test's calls, in its order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Calls(Vec<SeenCall>);

impl Calls {
    /// Everything, in its order.
    pub fn iter(&self) -> std::slice::Iter<'_, SeenCall> {
        self.0.iter()
    }

    /// Everything that happened to calls of one component.
    #[must_use]
    pub fn of<M>(&self, component: impl Which<M>) -> Self {
        let name = component.name();
        self.filtered(|call| call.is_of(&name))
    }

    /// Every time that `happened`.
    #[must_use]
    pub fn that(&self, happened: Happened) -> Self {
        self.filtered(|call| call.happened == happened)
    }

    /// The attempts: a body ran, or its double, or the script made it fail.
    #[must_use]
    pub fn attempts(&self) -> Self {
        self.filtered(|call| call.happened.is_attempt())
    }

    fn filtered(&self, keep: impl Fn(&SeenCall) -> bool) -> Self {
        Self(self.0.iter().filter(|call| keep(call)).cloned().collect())
    }

    /// How many attempts of a component were made.
    #[must_use]
    pub fn executions<M>(&self, component: impl Which<M>) -> usize {
        self.of(component).attempts().len()
    }

    /// Whether a component was attempted.
    #[must_use]
    pub fn ran<M>(&self, component: impl Which<M>) -> bool {
        self.executions(component) > 0
    }

    /// How many calls of a component were given what was recorded.
    #[must_use]
    pub fn replays<M>(&self, component: impl Which<M>) -> usize {
        self.of(component).that(Happened::Replayed).len()
    }

    /// How many calls of a component were answered by the cache.
    #[must_use]
    pub fn cache_hits<M>(&self, component: impl Which<M>) -> usize {
        self.of(component).that(Happened::Cached).len()
    }

    /// How many calls of a component ended with a failure.
    #[must_use]
    pub fn failures<M>(&self, component: impl Which<M>) -> usize {
        self.of(component).that(Happened::Failed).len()
    }

    /// The names, in the order in which it happened.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|call| call.name.as_str()).collect()
    }

    /// The inputs, in the order in which it happened.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Value> {
        self.0.iter().map(|call| &call.inputs).collect()
    }

    /// How much happened.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Calls {
    type Item = &'a SeenCall;
    type IntoIter = std::slice::Iter<'a, SeenCall>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl SeenCall {
    fn is_of(&self, name: &Name) -> bool {
        name.is(&self.name, self.function)
    }
}

/// Writes down what happens.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    calls: Vec<SeenCall>,
    /// Inputs are told with the first attempt.
    inputs: HashMap<CallId, Value>,
}

impl Recorder {
    pub(super) fn note(&mut self, call: &Seen<'_>, happened: Happened) {
        if let Some(json) = call.inputs {
            let inputs = || serde_json::from_str(json.get()).unwrap_or_default();
            self.inputs.entry(call.id).or_insert_with(inputs);
        }
        self.calls.push(SeenCall {
            run: call.run.clone(),
            id: call.id,
            path: call.path.as_ref().to_owned(),
            name: call.name.to_owned(),
            happened,
            attempt: call.attempt,
            inputs: self.inputs.get(&call.id).cloned().unwrap_or_default(),
            function: call.function,
        });
    }

    pub(super) fn calls(&self) -> Calls {
        Calls(self.calls.clone())
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}
