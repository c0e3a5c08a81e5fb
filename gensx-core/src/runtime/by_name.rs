//! What is asked of workflows by their names, by who does not know their types.

use serde::Serialize;

use super::{Run, Runtime, not_found};
use crate::{Error, ErrorKind, Result, RunId, component::to_json, event::Json};

impl Runtime {
    /// Starts a run of the workflow that was [registered](super::RuntimeBuilder::register) under this name, with an input whose
    /// JSON decodes as that workflow's. For planes that get both from outside; where the workflow is at hand, use
    /// [`start_with_id`](Self::start_with_id), which this is otherwise. Cancel safe as that is.
    ///
    /// ```
    /// # use gensx_core::{Component, Result, RunId, Runtime};
    /// # async fn example(digest: impl Component<String, Output = String>) -> Result<()> {
    /// let runtime = Runtime::builder().register(&digest).build();
    /// let run = runtime.start_by_name("digest", RunId::generate(), "tides").await?;
    /// println!("{}", run.output().await?.get());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start_with_id`](Self::start_with_id); [`ErrorKind::NotFound`] for a name that is not registered,
    /// [`ErrorKind::InvalidInput`] for an input that does not decode.
    pub async fn start_by_name<I: Serialize + ?Sized>(
        &self,
        workflow: &str,
        id: RunId,
        input: &I,
    ) -> Result<Run<Json>> {
        let known = self.registry().expect(workflow)?;
        let input = to_json(input).map_err(|error| {
            Error::of(ErrorKind::InvalidInput, "the input has no JSON form").with_source(error)
        })?;
        known.start(self.clone(), id, input).await
    }

    /// As [`retry`](Self::retry), with the workflow that is registered under the name that the run was started with.
    ///
    /// # Errors
    /// As [`retry`](Self::retry); [`ErrorKind::NotFound`] also for a workflow that is not registered.
    pub async fn retry_by_name(&self, id: &RunId) -> Result<Run<Json>> {
        let head = self.sink().head(id).await?.ok_or_else(|| not_found(id, self.sink()))?;
        self.registry().expect(&head.workflow)?.retry(self.clone(), id.clone()).await
    }

    /// The names of the workflows that are registered, in their order.
    pub fn workflows(&self) -> impl Iterator<Item = &str> {
        self.registry().names()
    }
}
