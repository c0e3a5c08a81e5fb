//! Workflows: components composed into one.

mod stage;
mod then;

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

pub use stage::{Plan, Stage, StageKind};

use crate::{
    Call, Component, Result,
    call::Failure,
    clock::BoxFuture,
    component::{OutputCodec, Spec, SpecRef, inputs},
};

type Make<I, O> = Arc<dyn Fn(I) -> BoxFuture<Result<O>> + Send + Sync>;

/// Components composed into one, typed from its input to its output. It is a component itself.
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
pub struct Workflow<I, O> {
    spec: Arc<Spec>,
    stages: Vec<Stage>,
    make: Make<I, O>,
}

impl<I, O> Clone for Workflow<I, O> {
    fn clone(&self) -> Self {
        Self { spec: Arc::clone(&self.spec), stages: self.stages.clone(), make: Arc::clone(&self.make) }
    }
}

impl<I, O> fmt::Debug for Workflow<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workflow").field("name", &self.spec.name).field("stages", &self.stages).finish()
    }
}

impl<I, O> Workflow<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
{
    /// A workflow whose first stage is `component`.
    pub fn new<C>(name: impl Into<String>, component: C) -> Self
    where
        C: Component<I, Output = O>,
    {
        let stages = vec![component.stage()];
        let spec = Arc::new(Spec::named(name.into().into(), ""));
        Self { spec, stages, make: Arc::new(move |input| Box::pin(component.call(input))) }
    }

    /// Sets the version: a recorded outcome of the workflow as a whole is not reused under another one.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.spec = Arc::new(self.spec.as_ref().clone().version(version));
        self
    }

    /// The stages, in order.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan { name: self.spec.name.to_string(), stages: self.stages.clone() }
    }
}

impl<I, O> Component<I> for Workflow<I, O>
where
    I: Serialize + Clone + Send + 'static,
    O: Serialize + DeserializeOwned + Send + 'static,
{
    type Output = O;

    fn call(&self, input: I) -> Call<'static, O> {
        let taken = inputs(&self.spec, |inputs| inputs.input("input", &input));
        let make = Arc::clone(&self.make);
        let body = move || {
            let future = make(input.clone());
            Box::pin(async move { future.await.map_err(Failure::from) }) as _
        };
        Call::build(SpecRef::Shared(Arc::clone(&self.spec)), taken, OutputCodec::new(), None, Box::new(body))
    }

    fn stage(&self) -> Stage {
        Stage {
            name: self.spec.name.to_string(),
            kind: StageKind::Workflow,
            path: None,
            stages: self.stages.clone(),
        }
    }
}
