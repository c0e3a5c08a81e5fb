//! Who starts runs, watches them and asks things of them, and holds none of the workflows' code.

mod control;
mod handle;
mod heal;
mod start;

use std::{sync::Arc, time::Duration};

use serde::Serialize;

pub use handle::RunHandle;
pub use start::{DEFAULT_MAX_INPUT_BYTES, Start};

use crate::{
    Backend, EventId, Result, RunId, Runtime,
    component::to_json,
    listing::List,
    queue::{DEFAULT_MAX_WAITING, DeadRun, Deployment, QueueStats, Queued, Wake, millis},
    sink::{EventSink, Events, events},
};

/// Starts runs through a queue, for workers to execute, and reads, cancels and retries them. It holds none of the
/// workflows' code and asks nothing of the workers: what it needs is in the backend. Cheap to clone.
///
/// ```
/// # use gensx_core as gensx;
/// use gensx::{Backend, Client};
///
/// # async fn example(backend: Backend) -> gensx::Result<()> {
/// let client = Client::new(backend);
/// let run = client.start("digest", &vec!["tides", "moons"]).priority(5).await?;
/// println!("run {}", run.id());
/// let digest: String = run.output().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    backend: Backend,
    /// Executes nothing: it is what ends a run that nobody has.
    runtime: Runtime,
    max_input_bytes: usize,
    max_waiting: u64,
    keep_ms: Option<u64>,
}

impl Client {
    /// A client of a fleet.
    #[must_use]
    pub fn new(backend: Backend) -> Self {
        let runtime = Runtime::builder().shared_sink(Arc::clone(backend.sink())).build();
        Self {
            backend,
            runtime,
            max_input_bytes: DEFAULT_MAX_INPUT_BYTES,
            max_waiting: DEFAULT_MAX_WAITING,
            keep_ms: None,
        }
    }

    /// The largest input of a run that this client starts, in bytes of JSON. Default [`DEFAULT_MAX_INPUT_BYTES`].
    #[must_use]
    pub fn max_input_bytes(mut self, bytes: usize) -> Self {
        self.max_input_bytes = bytes;
        self
    }

    /// The most runs that may wait in the queue when this client starts another. Default
    /// [`DEFAULT_MAX_WAITING`](crate::queue::DEFAULT_MAX_WAITING).
    #[must_use]
    pub fn max_waiting(mut self, runs: u64) -> Self {
        self.max_waiting = runs;
        self
    }

    /// How long the runs that this client starts are kept after their end, where [`Start::keep_for`] does not say. Default:
    /// as the sink keeps runs.
    #[must_use]
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.keep_ms = Some(millis(time));
        self
    }

    /// Begins the start of a run of the workflow with this name; awaited, it gives the run's handle. See [`Start`] for its
    /// options, errors and cancel safety.
    pub fn start<I: Serialize + ?Sized>(&self, workflow: impl Into<Arc<str>>, input: &I) -> Start {
        Start::new(self.clone(), workflow.into(), to_json(input))
    }

    /// A handle on a run, whether there is one or not.
    #[must_use]
    pub fn run(&self, run: &RunId) -> RunHandle {
        RunHandle::new(self.clone(), run.clone(), true)
    }

    /// A run's events after `after`, or from the beginning: see [`events`](crate::sink::events).
    #[must_use]
    pub fn events(&self, run: &RunId, after: Option<EventId>) -> Events {
        events(Arc::clone(self.sink()), run.clone(), after)
    }

    /// Sends a message to a run that waits, or will wait, for `input(name, ..)`, wherever it is. With an `id`, sending it
    /// again changes nothing.
    ///
    /// Cancel safe: dropped, the message may have been sent or not; give it an `id` and send it again.
    ///
    /// # Errors
    /// As [`Runtime::send`]; [`ErrorKind::Sink`](crate::ErrorKind::Sink) also if the queue fails: send it again then.
    pub async fn send<T: Serialize>(
        &self,
        run: &RunId,
        name: &str,
        value: &T,
        id: Option<&str>,
    ) -> Result<()> {
        // The message first: whoever is woken finds it.
        self.runtime.send(run, name, value, id).await?;
        self.backend.queue().wake(run, Wake::Message).await?;
        Ok(())
    }

    /// Where a run stands in the queue; `None` if it is not there: it has ended, or an application executes it. Cancel safe.
    ///
    /// # Errors
    /// Those of the queue.
    pub async fn find(&self, run: &RunId) -> Result<Option<Queued>> {
        Ok(self.backend.queue().find(run).await?)
    }

    /// The sink's runs, newest first, wherever they are executed; awaited, it gives a page of them. See [`List`] for its
    /// conditions.
    pub fn list(&self) -> List {
        self.runtime.list()
    }

    /// How the queue stands: its length by state, and its age. Cancel safe.
    ///
    /// # Errors
    /// Those of the queue.
    pub async fn stats(&self) -> Result<QueueStats> {
        Ok(self.backend.queue().stats().await?)
    }

    /// The deployments that have workers or runs, oldest first. Cancel safe.
    ///
    /// # Errors
    /// Those of the queue.
    pub async fn deployments(&self) -> Result<Vec<Deployment>> {
        Ok(self.backend.queue().deployments().await?)
    }

    /// The runs that were given up, in the order of their ids, after `after`, up to `limit` and
    /// [`MAX_DEAD_PAGE`](crate::queue::MAX_DEAD_PAGE). Their streams say why. Cancel safe.
    ///
    /// # Errors
    /// Those of the queue.
    pub async fn dead(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<DeadRun>> {
        Ok(self.backend.queue().dead(after, limit).await?)
    }

    /// What it is a client of.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    fn sink(&self) -> &Arc<dyn EventSink> {
        self.backend.sink()
    }
}
