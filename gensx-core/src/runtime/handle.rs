//! A run as the application holds it.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, OnceLock},
};

use serde::de::DeserializeOwned;
use tokio::{sync::Notify, task::AbortHandle};

use super::{Runtime, not_found};
use crate::{
    Error, ErrorKind, EventId, EventKind, Result, RunId, RunStatus,
    event::{ErrorBody, Json},
    run::{RunCore, Stop, mail::CANCEL, rest::Rest},
    sink::{Events, Message, SinkErrorKind},
};

/// How a run ended, in this process: with its last event, or let go before it.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// With its output, as JSON.
    Output(Json),
    /// Without one.
    Error(Error),
    /// Not here: this process let go of it.
    LetGo(Error),
    /// Not yet: it waits, and has left memory.
    Parked(Rest),
}

/// A run that is executed in this process.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) core: Arc<RunCore>,
    ended: OnceLock<Ended>,
    told: Notify,
    task: OnceLock<AbortHandle>,
}

impl Local {
    pub(crate) fn new(core: Arc<RunCore>) -> Arc<Self> {
        Arc::new(Self { core, ended: OnceLock::new(), told: Notify::new(), task: OnceLock::new() })
    }

    pub(crate) fn end(&self, ended: Ended) {
        // Only the run's own task ends it; what it says first holds.
        let _ = self.ended.set(ended);
        self.told.notify_waiters();
    }

    pub(crate) fn runs_in(&self, task: AbortHandle) {
        // Set once: a run is executed once.
        let _ = self.task.set(task);
    }

    /// Ends a run that was cancelled and whose component does not let its task go on: writes the last event in its place, and
    /// aborts the task.
    pub(crate) async fn end_cancelled(&self) {
        let ended = super::start::finish(&self.core, Err(Stop::Cancelled)).await;
        self.end(ended);
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    pub(crate) async fn ended(&self) -> &Ended {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if let Some(ended) = self.ended.get() {
                return ended;
            }
            told.await;
        }
    }
}

/// A handle on a run that gives a `T`. Dropping it changes nothing.
///
/// ```
/// # use gensx_core::{Result, Run};
/// # async fn example(run: Run<String>) -> Result<()> {
/// let mut events = run.events();
/// while let Some(event) = events.next().await {
///     println!("{}", event?.to_json());
/// }
/// println!("{}", run.output().await?);
/// # Ok(())
/// # }
/// ```
pub struct Run<T> {
    runtime: Runtime,
    id: RunId,
    local: Option<Arc<Local>>,
    output: PhantomData<fn() -> T>,
}

impl<T> Run<T> {
    pub(crate) fn new(runtime: Runtime, id: RunId, local: Option<Arc<Local>>) -> Self {
        Self { runtime, id, local, output: PhantomData }
    }

    /// The same run, for who takes its output as it is recorded.
    pub(crate) fn untyped(self) -> Run<Json> {
        Run { runtime: self.runtime, id: self.id, local: self.local, output: PhantomData }
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Its events, from the first to the last.
    #[must_use]
    pub fn events(&self) -> Events {
        self.runtime.events(&self.id, None)
    }

    /// Its events after one that was seen.
    #[must_use]
    pub fn events_after(&self, id: EventId) -> Events {
        self.runtime.events(&self.id, Some(id))
    }

    /// How it stands, by its stream. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Sink`].
    pub async fn status(&self) -> Result<RunStatus> {
        let head = self.runtime.sink().head(&self.id).await?;
        head.map(|head| head.status).ok_or_else(|| not_found(&self.id, self.runtime.sink()))
    }

    /// Cancels the run, wherever it is executed: its open calls are dropped at their next await, and it ends with
    /// the status cancelled. A run that nobody executes is ended when it is resumed. Returns when the wish is
    /// durable; a run that has ended stays as it is.
    ///
    /// Cancel safe: dropped, the wish may be durable or not; it may be repeated.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Sink`].
    pub async fn cancel(&self) -> Result<()> {
        if let Some(local) = &self.local {
            local.core.stop(Stop::Cancelled);
        }
        let wish = Message {
            number: 0,
            name: CANCEL.to_owned(),
            body: "null".to_owned(),
            id: Some(CANCEL.to_owned()),
        };
        match self.runtime.sink().send(&self.id, wish).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == SinkErrorKind::Ended => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<T: DeserializeOwned> Run<T> {
    /// Waits for the run's end and gives its output. Cancel safe, and may be called again.
    ///
    /// # Errors
    /// The run's own error; [`ErrorKind::Cancelled`]; [`ErrorKind::Fenced`], [`ErrorKind::Sink`] or
    /// [`ErrorKind::Drained`] if this process let it go; [`ErrorKind::Replay`] if the output is no `T`.
    pub async fn output(&self) -> Result<T> {
        let json = match &self.local {
            Some(local) => match local.ended().await.clone() {
                Ended::Output(json) => json,
                Ended::Error(error) | Ended::LetGo(error) => return Err(error),
                // It goes on in some process, which may be another one.
                Ended::Parked(_) => self.last_event().await?,
            },
            None => self.last_event().await?,
        };
        serde_json::from_str(json.get()).map_err(|error| {
            let text = format!("the output of run `{}` is no `{}`", self.id, std::any::type_name::<T>());
            Error::of(ErrorKind::Replay, text).with_source(error)
        })
    }

    /// The output, or the run's own error, by its stream.
    async fn last_event(&self) -> Result<Json> {
        let mut events = self.events();
        while let Some(event) = events.next().await {
            if let EventKind::RunEnded { status, output, error } = event?.kind {
                return ended(&self.id, status, output, error);
            }
        }
        Err(not_found(&self.id, self.runtime.sink()))
    }
}

/// How a run's last event says that it ended.
pub(crate) fn ended(
    id: &RunId,
    status: RunStatus,
    output: Option<Json>,
    error: Option<ErrorBody>,
) -> Result<Json> {
    match (status, output) {
        (RunStatus::Succeeded, Some(output)) => Ok(output),
        (RunStatus::Cancelled, _) => Err(cancelled(id)),
        _ => Err(error.map_or_else(|| Error::msg("failed"), |error| error.to_error())),
    }
}

pub(crate) fn cancelled(id: &RunId) -> Error {
    Error::of(ErrorKind::Cancelled, format!("run `{id}` was cancelled"))
}

impl<T> fmt::Debug for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("id", &self.id).field("local", &self.local.is_some()).finish()
    }
}
