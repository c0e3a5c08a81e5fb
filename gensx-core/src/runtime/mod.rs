//! Running components and workflows inside an application.

mod builder;
mod by_name;
mod deliver;
mod handle;
mod limits;
pub(crate) mod orphans;
pub(crate) mod registry;
pub(crate) mod resume;
pub(crate) mod retry;
mod start;
pub(crate) mod takeover;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

pub use builder::{IfExists, RuntimeBuilder};
pub(crate) use handle::Local;
pub use handle::Run;
pub(crate) use handle::{Ended, ended};
pub use limits::Limits;
pub use orphans::OutsideRuns;
pub(crate) use resume::read;

use self::{
    deliver::Listening,
    registry::Registry,
    takeover::{Assignment, Taken},
};
use crate::{
    Component, Error, ErrorKind, Result, RunId,
    cache::{Desk, Flights},
    call::Probe,
    clock::Clock,
    component::Durability,
    error::Classifiers,
    listing::List,
    run::{Stop, let_go, lock},
    sink::{EventSink, Events, Head, Message, events},
};

/// What all runs of a runtime share.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) cache: Desk,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) durability: Durability,
    pub(crate) limits: Limits,
    pub(crate) classifiers: Classifiers,
    pub(crate) secret_key: Option<[u8; 32]>,
    pub(crate) if_exists: IfExists,
    pub(crate) outside: OutsideRuns,
    /// After how long a run that only waits leaves memory; never, where nobody would bring it back.
    pub(crate) park_after: Option<Duration>,
    pub(crate) flights: Flights,
    /// Whether callers get decoded copies of what was recorded, as they do after a crash.
    pub(crate) decoded_copies: bool,
    /// How long the runs that start here are kept after their end; as the sink keeps runs, where not set.
    pub(crate) keep_ms: Option<u64>,
    /// What a test runtime puts between runs and their components.
    pub(crate) probe: Option<Arc<dyn Probe>>,
    /// This process's name in claims.
    pub(crate) owner: String,
}

/// Starts, resumes and watches runs. Cheap to clone; the clones are one.
///
/// Dropping it stops nothing: runs go on until they end. To let go of them first, [`drain`](Self::drain).
///
/// ```
/// # use gensx_core::{Component, Result, RunId, Runtime};
/// # async fn example(digest: impl Component<String, Output = String>) -> Result<()> {
/// let runtime = Runtime::in_memory();
/// let run = runtime.start(&digest, "tides".to_owned()).await?;
/// println!("run {}: {}", run.id(), run.output().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    config: Arc<Config>,
    runs: Mutex<HashMap<RunId, Weak<Local>>>,
    registry: Registry,
    /// What hears of messages to runs of this process, from the first run on.
    arrivals: OnceCell<Listening>,
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("sink", &self.0.config.sink.name()).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Begins a runtime with its options.
    ///
    /// ```
    /// use gensx_core::{Limits, MemorySink, Runtime};
    ///
    /// let runtime = Runtime::builder()
    ///     .sink(MemorySink::new())
    ///     .limits(Limits { events_per_run: 10_000, ..Default::default() })
    ///     .build();
    /// ```
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// A runtime whose streams live and end with this process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder().sink(crate::MemorySink::new()).build()
    }

    /// Starts a run under a fresh id and gives its handle, when the run's first event is durable.
    ///
    /// Cancel safe: a run that was started goes on without its handle. One whose first event was under way may be left
    /// on the sink, unfinished, to be resumed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an input that cannot be recorded, [`ErrorKind::Sink`] if the sink fails.
    pub async fn start<W, I>(&self, workflow: &W, input: I) -> Result<Run<W::Output>>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        self.start_with_id(workflow, RunId::generate(), input).await
    }

    /// Starts a run under the caller's id. If there is one, the answer follows
    /// [`RuntimeBuilder::if_exists`]: its handle, or an error. Cancel safe, as [`start`](Self::start) is.
    ///
    /// # Errors
    /// As [`start`](Self::start); [`ErrorKind::Exists`] by policy.
    pub async fn start_with_id<W, I>(&self, workflow: &W, id: RunId, input: I) -> Result<Run<W::Output>>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        start::start(self, workflow, id, input).await
    }

    /// Starts a run and waits for its output. Cancel safe: the run goes on.
    ///
    /// # Errors
    /// As [`start`](Self::start), and the run's own error.
    pub async fn run<W, I>(&self, workflow: &W, input: I) -> Result<W::Output>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        self.start(workflow, input).await?.output().await
    }

    /// Goes on with a run whose process ended, from its stream alone: recorded calls are not run again. A run that
    /// has ended is given as it is; one that runs in this process already, too.
    ///
    /// Resuming takes the run over: an owner that still lives is fenced and stops.
    ///
    /// Cancel safe: dropped, it may have taken the run over or not; resume it again.
    ///
    /// ```
    /// # use gensx_core::{Component, Result, RunId, Runtime};
    /// # async fn example(runtime: Runtime, digest: impl Component<String, Output = String>) -> Result<()> {
    /// let id: RunId = "monday".parse()?;
    /// let output = runtime.resume(&digest, &id).await?.output().await?;
    /// # Ok(())
    /// # }
    /// ```
    /// # Errors
    /// Before the run is touched: [`ErrorKind::NotFound`] without a stream or for another workflow's run,
    /// [`ErrorKind::Replay`] for an input that no longer decodes, [`ErrorKind::InvalidInput`] if
    /// the input has to be supplied again. [`ErrorKind::Fenced`] if another process was faster, [`ErrorKind::Sink`].
    pub async fn resume<W, I>(&self, workflow: &W, id: &RunId) -> Result<Run<W::Output>>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        resume::resume(self, workflow, id, None).await
    }

    /// As [`resume`](Self::resume), for a run whose input has `#[secret]` or `#[skip]` parts: it is supplied again.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub async fn resume_with<W, I>(&self, workflow: &W, id: &RunId, input: I) -> Result<Run<W::Output>>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        resume::resume(self, workflow, id, Some(input)).await
    }

    /// Starts a new run in the place of one that ended without its output. What had succeeded is carried over, and idempotency keys
    /// stay the same; the old stream stays as it is.
    ///
    /// Cancel safe: dropped, the new run may be left on the sink, unfinished, to be resumed.
    ///
    /// # Errors
    /// As [`resume`](Self::resume); [`ErrorKind::InvalidInput`] for a run that succeeded or has not ended.
    pub async fn retry<W, I>(&self, workflow: &W, id: &RunId) -> Result<Run<W::Output>>
    where
        W: Component<I>,
        W::Output: Serialize + DeserializeOwned + Send + 'static,
        I: Serialize + DeserializeOwned + Send + 'static,
    {
        retry::retry(self, workflow, id).await
    }

    /// Every run of the sink that has not ended, with the name of its workflow, in the order in which they were started.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`].
    pub async fn unfinished(&self) -> Result<Vec<(RunId, Head)>> {
        let (mut all, mut pages) = (Vec::new(), self.list().unfinished().pages());
        while let Some(page) = pages.next().await? {
            all.extend(
                page.into_iter()
                    .map(|run| (run.id, Head { workflow: run.workflow, last: run.last, status: run.status })),
            );
        }
        all.reverse();
        Ok(all)
    }

    /// The sink's runs, newest first; awaited, it gives a page of them. See [`List`] for its conditions.
    ///
    /// ```
    /// # use gensx_core::{Component, Result, Runtime};
    /// # async fn example(runtime: Runtime) -> Result<()> {
    /// for run in runtime.list().workflow("digest").failed().limit(10).await?.runs {
    ///     println!("{} of {:?}", run.id, run.started());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List {
        List::new(Arc::clone(self.sink()))
    }

    /// Resumes every unfinished run whose workflow was [registered](RuntimeBuilder::register). For an application
    /// that is alone with its sink, at its start: runs that other processes have are taken from them.
    ///
    /// Gives each run's id and whether it was resumed; a run whose workflow is not registered is left alone.
    ///
    /// Cancel safe: the runs that were resumed go on.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] if the runs cannot be listed.
    pub async fn resume_all(&self) -> Result<Vec<(RunId, Result<()>)>> {
        let mut resumed = Vec::new();
        for (id, head) in self.unfinished().await? {
            if let Some(known) = self.0.registry.get(&head.workflow) {
                let result = match known.take_over(self.clone(), Assignment::of_application(&id)).await {
                    Ok(Taken::Gone | Taken::NotQueued) => Err(not_found(&id, self.sink())),
                    taken => taken.map(drop),
                };
                resumed.push((id, result));
            }
        }
        Ok(resumed)
    }

    /// A handle on a run, wherever it is executed: its events, its status, its output; not its execution. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Sink`].
    pub async fn attach<T: DeserializeOwned>(&self, id: &RunId) -> Result<Run<T>> {
        match self.sink().head(id).await? {
            Some(_) => Ok(Run::new(self.clone(), id.clone(), self.local(id))),
            None => Err(not_found(id, self.sink())),
        }
    }

    /// A run's events after `after`, or from the beginning: see [`events`](crate::sink::events).
    #[must_use]
    pub fn events(&self, id: &RunId, after: Option<crate::EventId>) -> Events {
        events(Arc::clone(self.sink()), id.clone(), after)
    }

    /// Sends a message to a run that waits, or will wait, for `input(name, ..)`. With an `id`, sending it again
    /// changes nothing.
    ///
    /// Cancel safe: dropped, the message may have been sent or not; give it an `id` and send it again.
    ///
    /// ```
    /// # use gensx_core::{Component, Result, RunId, Runtime};
    /// # async fn example(runtime: Runtime, run: RunId) -> Result<()> {
    /// runtime.send(&run, "approval", &true, Some("click-1")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Sink`] (also for a run that has ended),
    /// [`ErrorKind::InvalidInput`] for a value without JSON form, [`ErrorKind::Limit`] for one that is too large.
    pub async fn send<T: Serialize>(
        &self,
        run: &RunId,
        name: &str,
        value: &T,
        id: Option<&str>,
    ) -> Result<()> {
        let body = serde_json::to_string(value).map_err(|error| {
            Error::of(ErrorKind::InvalidInput, format!("the message `{name}` cannot be written as JSON"))
                .with_source(error)
        })?;
        let limit = self.0.config.limits.event_bytes;
        if body.len() > limit {
            let text =
                format!("the message `{name}` has {} bytes, the limit of an event is {limit}", body.len());
            return Err(Error::of(ErrorKind::Limit, text));
        }
        let message = Message { number: 0, name: name.to_owned(), body, id: id.map(str::to_owned) };
        self.sink().send(run, message).await?;
        Ok(())
    }

    /// Lets go of every run of this process, to be resumed later or elsewhere: their futures are dropped, nothing is
    /// recorded, and no attempt is used up. Their handles' `output()` gives [`ErrorKind::Drained`].
    ///
    /// Cancel safe: dropped, the runs are let go of all the same, and nobody waits for them.
    pub async fn drain(&self) {
        for local in self.let_go() {
            local.ended().await;
        }
    }

    /// Stops every run of this process, to be resumed later or elsewhere, and gives them.
    pub(crate) fn let_go(&self) -> Vec<Arc<Local>> {
        let locals: Vec<_> = lock(&self.0.runs).values().filter_map(Weak::upgrade).collect();
        for local in &locals {
            local.core.stop(Stop::LetGo(let_go(&local.core.id)));
        }
        locals
    }

    /// Takes a run out of the runs of this process, and stops it.
    pub(crate) fn dismiss(&self, id: &RunId, why: Error) -> Option<Arc<Local>> {
        let local = lock(&self.0.runs).remove(id)?.upgrade()?;
        local.core.stop(crate::run::Stop::LetGo(why));
        Some(local)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The sink.
    #[must_use]
    pub fn sink(&self) -> &Arc<dyn EventSink> {
        &self.0.config.sink
    }

    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.0.config
    }

    pub(crate) fn local(&self, id: &RunId) -> Option<Arc<Local>> {
        lock(&self.0.runs).get(id).and_then(Weak::upgrade)
    }
}

pub(crate) fn not_found(id: &RunId, sink: &Arc<dyn EventSink>) -> Error {
    let text =
        format!("there is no run `{id}` in `{}`: it never started, was deleted, or has expired", sink.name());
    Error::of(ErrorKind::NotFound, text)
}
