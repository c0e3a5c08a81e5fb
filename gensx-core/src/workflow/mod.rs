//! Workflows: components composed into one.
//!
//! A [`Workflow`] is a chain of stages, each given the output of the one before. Stages add no level to the identity
//! of the calls that they build: those are children of the workflow's own call, as if its body were plain code that
//! called the components in the same order. So a step can be inserted, removed or moved in a half-done run, and
//! exactly the calls whose inputs changed run again.
//!
//! Predicates, `map` functions and closures have no identity: nothing of them is recorded, and they run again at every
//! replay. They must give the same answer for the same value. What may vary goes through a component.

mod branch;
mod catch;
mod finish;
mod for_each;
mod join;
mod last;
mod map;
mod mermaid;
mod options;
mod or_else;
mod race;
mod stage;
mod then;

use std::{fmt, future::ready, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

pub use for_each::DEFAULT_CONCURRENCY;
pub use join::Branches;
pub use last::{Calls, Each, Last, Named, Plain, TakesOptions, Whole};
pub use race::Racers;
pub use stage::{Plan, Stage, StageKind};

use self::options::Options;
use crate::{
    Call, Component, Result,
    call::Failure,
    clock::BoxFuture,
    component::{OutputCodec, Spec, SpecRef, inputs},
};

/// What gives the input of the last stage.
type Before<I, M> = Arc<dyn Fn(I) -> BoxFuture<Result<M>> + Send + Sync>;
/// A stage: its calls are built when it is called, and polled by what it gives.
type Step<M, O> = Arc<dyn Fn(M, &Options) -> BoxFuture<Result<O>> + Send + Sync>;

/// Components composed into one, typed from its input `I` to its output `O`. It is a component itself.
///
/// `S` says what the last stage is, so that only options that it has can be given to it. To name a
/// workflow's type, [`finish`](Self::finish) it: it is a `Workflow<I, O>` then.
///
/// ```
/// # use gensx_core::{Component, Workflow};
/// # fn example(
/// #     research: impl Component<String, Output = Vec<String>>,
/// #     write: impl Component<Vec<String>, Output = String>,
/// # ) {
/// let blog = Workflow::new("blog", research).then(write);
/// assert_eq!(blog.plan().stages.len(), 2);
/// # }
/// ```
///
/// Each stage's method is described with an example in the guide to workflows.
pub struct Workflow<I, O, S: Last = Whole<I>> {
    spec: Arc<Spec>,
    stages: Vec<Stage>,
    before: Before<I, S::Input>,
    last: Step<S::Input, O>,
    options: Options,
}

impl<I, O, S: Last> Clone for Workflow<I, O, S> {
    fn clone(&self) -> Self {
        Self {
            spec: Arc::clone(&self.spec),
            stages: self.stages.clone(),
            before: Arc::clone(&self.before),
            last: Arc::clone(&self.last),
            options: self.options.clone(),
        }
    }
}

impl<I, O, S: Last> fmt::Debug for Workflow<I, O, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workflow").field("name", &self.spec.name).field("stages", &self.stages).finish()
    }
}

/// What is before the first stage.
fn start<I: Send + 'static>() -> Before<I, I> {
    Arc::new(|input| Box::pin(ready(Ok(input))))
}

impl<I: Send + 'static, O: Send + 'static> Workflow<I, O, Calls<I>> {
    /// A workflow whose first stage is `component`.
    pub fn new<C>(name: impl Into<String>, component: C) -> Self
    where
        C: Component<I, Output = O>,
    {
        Self {
            spec: Arc::new(Spec::named(name.into().into(), "")),
            stages: vec![component.stage()],
            before: start(),
            last: then::step(component),
            options: Options::default(),
        }
    }
}

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// Sets the version: a recorded outcome of the workflow as a whole is not reused under another one.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.spec = Arc::new(self.spec.as_ref().clone().version(version));
        self
    }

    /// The stages, in order. The run's first event carries them too.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan { name: self.spec.name.to_string(), stages: self.stages.clone() }
    }

    /// Adds a stage; the one that was the last can take no more options.
    fn push<P, T>(self, stage: Stage, step: Step<O, P>) -> Workflow<I, P, T>
    where
        T: Last<Input = O>,
    {
        let before = self.so_far();
        let Self { spec, mut stages, .. } = self;
        stages.push(stage);
        Workflow { spec, stages, before, last: step, options: Options::default() }
    }

    /// Puts another stage into the place of the last one, with the same input.
    fn replace<P, T>(self, stage: impl FnOnce(Stage) -> Stage, step: Step<S::Input, P>) -> Workflow<I, P, T>
    where
        T: Last<Input = S::Input>,
    {
        let Self { spec, mut stages, before, .. } = self;
        let last = stages.pop();
        stages.extend(last.map(stage));
        Workflow { spec, stages, before, last: step, options: Options::default() }
    }

    /// All stages as one function.
    fn so_far(&self) -> Before<I, O> {
        let (before, last, options) =
            (Arc::clone(&self.before), Arc::clone(&self.last), self.options.clone());
        Arc::new(move |input| {
            let (before, last, options) = (before(input), Arc::clone(&last), options.clone());
            Box::pin(async move { last(before.await?, &options).await })
        })
    }
}

impl<I, O, S> Component<I> for Workflow<I, O, S>
where
    I: Serialize + Clone + Send + 'static,
    O: Serialize + DeserializeOwned + Send + 'static,
    S: Last,
{
    type Output = O;

    fn call(&self, input: I) -> Call<'static, O> {
        let taken = inputs(&self.spec, |inputs| inputs.input("input", &input));
        let stages = self.so_far();
        let body = move || {
            let future = stages(input.clone());
            Box::pin(async move { future.await.map_err(Failure::from) }) as _
        };
        Call::build(SpecRef::Shared(Arc::clone(&self.spec)), taken, OutputCodec::new(), None, Box::new(body))
    }

    fn stage(&self) -> Stage {
        Stage::of_workflow(&self.spec.name, self.stages.clone())
    }
}
