use std::sync::Arc;

use super::{Last, Options, Plain, Stage, StageKind, Workflow};
use crate::{Error, Result};

impl<I: Clone + Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// An error boundary around all stages so far: when one fails, `handler` gets its error and the workflow's input, and
    /// answers in the place of the output so far, or with an error.
    ///
    /// It gives a future: mostly a component's call, which is recorded as any other
    /// (`|error, topic| apologise(topic, error.to_string())`), or an `async` block. As in a component's body, decide by
    /// the error's `kind()`, `code()` and text, which are the same live and replayed. The handler itself has no identity
    /// and runs again at every replay.
    #[must_use]
    pub fn catch<F, Fut>(self, handler: F) -> Workflow<I, O, Plain<I>>
    where
        F: Fn(Error, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let stages = self.so_far();
        let handler = Arc::new(handler);
        let step = move |input: I, _: &Options| {
            let (attempt, handler) = (stages(input.clone()), Arc::clone(&handler));
            Box::pin(async move {
                match attempt.await {
                    Err(error) if !error.is_control() => handler(error, input).await,
                    settled => settled,
                }
            }) as _
        };
        let stage = Stage::of_closure::<F>(StageKind::Catch, "catch").around(self.stages);
        Workflow {
            spec: self.spec,
            stages: vec![stage],
            before: super::start(),
            last: Arc::new(step),
            options: Options::default(),
        }
    }
}
