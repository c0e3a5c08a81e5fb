//! What a test runtime hears of a run's calls, and where it puts another body in place of a component's own.
//!
//! Runs without a probe, which is all of them outside tests, pay for one look at an `Option` when a call is built and
//! one when it ends.

use std::{fmt, sync::Arc};

use super::{Body, BodyFuture, Failure};
use crate::{
    CallId, Error, ErrorKind, Fate, Result, RunId,
    clock::BoxFuture,
    component::OutputCodec,
    event::{Json, Origin},
    run::scope,
};

/// Stands between runs and the bodies of their components.
pub(crate) trait Probe: fmt::Debug + Send + Sync {
    /// An attempt begins here: gives what runs instead of the component's own body, if anything does.
    fn begins(&self, call: &Seen<'_>) -> Option<BoxFuture<Result<Json>>>;

    /// A recorded outcome is given to the caller: nothing runs.
    fn heard(&self, call: &Seen<'_>);

    /// A call's outcome is given to the caller: an output from there, or a failure.
    fn ended(&self, call: &Seen<'_>, output: Option<Origin>);

    /// The random bytes of a recorded random value.
    fn random(&self, call: CallId) -> [u8; 16];
}

/// A call, as a probe sees it.
#[derive(Debug)]
#[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only tests have a probe that looks at it"))]
pub(crate) struct Seen<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) id: CallId,
    pub(crate) path: Arc<str>,
    pub(crate) name: &'a str,
    /// The type name of the component's function; empty for a workflow.
    pub(crate) function: &'static str,
    pub(crate) attempt: u32,
    pub(crate) inputs: Option<&'a Json>,
}

/// What only the place that builds a component's call knows of its function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    /// The type name of something inside it.
    inside: fn() -> &'static str,
    /// Writes down the component's own error, found in a chain.
    data: Option<fn(&Error) -> Option<Json>>,
}

impl Function {
    /// What a workflow has: no function.
    pub(super) const NONE: Self = Self { inside: || "", data: None };

    pub(super) fn around<Closure>(data: Option<fn(&Error) -> Option<Json>>) -> Self {
        Self { inside: std::any::type_name::<Closure>, data }
    }

    /// The type name of the function itself.
    pub(crate) fn name(self) -> &'static str {
        let inside = (self.inside)();
        inside.strip_suffix("::{{closure}}").unwrap_or(inside)
    }
}

/// A body that asks the probe first.
pub(super) fn asking<'a, T: 'a>(
    probe: Arc<dyn Probe>,
    function: Function,
    inputs: Option<Json>,
    output: OutputCodec<T>,
    mut body: Body<'a, T>,
) -> Body<'a, T> {
    let inputs = inputs.map(Arc::new);
    Box::new(move || -> BodyFuture<'a, T> {
        // Nothing of it happens before it is polled.
        let own = body();
        let (probe, inputs) = (Arc::clone(&probe), inputs.clone());
        Box::pin(async move {
            let begins = |node: &Arc<crate::run::node::Node>| {
                probe.begins(&Seen {
                    run: &node.run.id,
                    id: node.id,
                    path: node.path(),
                    name: &node.spec.name,
                    function: function.name(),
                    attempt: node.attempt(),
                    inputs: inputs.as_deref(),
                })
            };
            match scope::with(begins).flatten() {
                None => own.await,
                Some(instead) => {
                    drop(own);
                    given(instead.await, function, output)
                }
            }
        })
    })
}

/// What stood in for a body, as what the body would have given.
fn given<T>(result: Result<Json>, function: Function, output: OutputCodec<T>) -> Result<T, Failure> {
    match result {
        Ok(json) => (output.decode)(&json).map_err(|error| {
            let text = format!(
                "the double of `{}` gave {json}, which does not decode as the component's `{}`",
                function.name(),
                (output.type_name)()
            );
            Error::of(ErrorKind::Config, text).with_source(error).with_fate(Fate::Permanent).into()
        }),
        Err(error) => {
            let data = function.data.and_then(|data| data(&error));
            Err(Failure { error, data })
        }
    }
}
