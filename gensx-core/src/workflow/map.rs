use std::{future::ready, sync::Arc};

use super::{Last, Plain, Stage, StageKind, Workflow};

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// Changes the output so far by a pure function. It is not a call: nothing is recorded, it has no identity, and it
    /// runs again at every replay. What takes long, can fail, or varies is a component: see [`then`](Self::then).
    #[must_use]
    pub fn map<F, P>(self, function: F) -> Workflow<I, P, Plain<O>>
    where
        F: Fn(O) -> P + Send + Sync + 'static,
        P: Send + 'static,
    {
        let stage = Stage::of_closure::<F>(StageKind::Map, "map");
        self.push(stage, Arc::new(move |input, _| Box::pin(ready(Ok(function(input))))))
    }
}
