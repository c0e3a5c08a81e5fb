//! Workflows by name, for runs that are taken over by it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Runtime,
    takeover::{Assignment, Taken, take_over},
};
use crate::{Component, Result, clock::BoxFuture};

/// Takes a run over and executes it.
type Execute = Arc<dyn Fn(Runtime, Assignment) -> BoxFuture<Result<Taken>> + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Registry(BTreeMap<String, Execute>);

impl Registry {
    /// Makes a workflow known under a name.
    pub(crate) fn register<W, I>(&mut self, name: String, workflow: &W)
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        let workflow = workflow.clone();
        let execute = move |runtime: Runtime, assignment: Assignment| {
            let workflow = workflow.clone();
            Box::pin(async move { take_over(&runtime, &workflow, &assignment, None).await }) as BoxFuture<_>
        };
        self.0.insert(name, Arc::new(execute));
    }

    pub(crate) fn get(&self, name: &str) -> Option<Execute> {
        self.0.get(name).cloned()
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
