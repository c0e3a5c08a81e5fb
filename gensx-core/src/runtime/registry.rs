//! Workflows by name, for runs that are started, taken over or retried by it.

use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Run, Runtime,
    takeover::{Assignment, Taken, take_over},
};
use crate::{Component, Error, ErrorKind, Result, RunId, clock::BoxFuture, event::Json};

/// A workflow whose types are known here alone.
pub(crate) trait Named: Send + Sync {
    /// Starts a run with an input that is JSON.
    fn start(&self, runtime: Runtime, id: RunId, input: Json) -> BoxFuture<Result<Run<Json>>>;

    /// Takes a run over and executes it.
    fn take_over(&self, runtime: Runtime, assignment: Assignment) -> BoxFuture<Result<Taken>>;

    /// Starts a new run in the place of one that failed.
    fn retry(&self, runtime: Runtime, id: RunId) -> BoxFuture<Result<Run<Json>>>;
}

struct Known<W, I> {
    workflow: W,
    input: PhantomData<fn(I)>,
}

impl<W, I> Named for Known<W, I>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Send + 'static,
{
    fn start(&self, runtime: Runtime, id: RunId, input: Json) -> BoxFuture<Result<Run<Json>>> {
        let workflow = self.workflow.clone();
        Box::pin(async move {
            let input: I = serde_json::from_str(input.get()).map_err(|error| {
                let text = format!("the input does not decode as `{}`", std::any::type_name::<I>());
                Error::of(ErrorKind::InvalidInput, text).with_source(error)
            })?;
            Ok(runtime.start_with_id(&workflow, id, input).await?.untyped())
        })
    }

    fn take_over(&self, runtime: Runtime, assignment: Assignment) -> BoxFuture<Result<Taken>> {
        let workflow = self.workflow.clone();
        Box::pin(async move { take_over(&runtime, &workflow, &assignment, None).await })
    }

    fn retry(&self, runtime: Runtime, id: RunId) -> BoxFuture<Result<Run<Json>>> {
        let workflow = self.workflow.clone();
        Box::pin(async move { Ok(runtime.retry(&workflow, &id).await?.untyped()) })
    }
}

#[derive(Clone, Default)]
pub(crate) struct Registry(BTreeMap<String, Arc<dyn Named>>);

impl Registry {
    /// Makes a workflow known under a name.
    pub(crate) fn register<W, I>(&mut self, name: String, workflow: &W)
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        self.0.insert(name, Arc::new(Known { workflow: workflow.clone(), input: PhantomData }));
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn Named>> {
        self.0.get(name).cloned()
    }

    /// The workflow, or the error that there is none.
    pub(crate) fn expect(&self, name: &str) -> Result<Arc<dyn Named>> {
        self.get(name).ok_or_else(|| {
            let text = format!("no workflow `{name}` is registered here: register it with the runtime");
            Error::of(ErrorKind::NotFound, text)
        })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
