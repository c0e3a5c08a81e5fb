//! What the router asks: a fleet through its client, or the runtime of this process.

use std::{sync::Arc, time::Duration};

use gensx_core::{Client, Error, ErrorKind, EventSink, Result, RunId, Runtime, event::Json, sink::Head};

/// Where runs are started and read.
///
/// A [`Client`] reaches a fleet, and holds none of the workflows' code. A [`Runtime`] executes the runs in this process: the
/// workflows that are [registered](gensx_core::RuntimeBuilder::register) with it can be started by their names. Either
/// becomes a `Plane` by itself where [`Api::new`](crate::Api::new) takes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Plane {
    /// A fleet's.
    Client(Client),
    /// An application's own.
    Runtime(Runtime),
}

impl From<Client> for Plane {
    fn from(client: Client) -> Self {
        Self::Client(client)
    }
}

impl From<Runtime> for Plane {
    fn from(runtime: Runtime) -> Self {
        Self::Runtime(runtime)
    }
}

/// A caller's own name for a start, and for how long it counts.
pub(crate) struct Idempotency {
    pub(crate) key: String,
    pub(crate) ttl: Duration,
}

/// How a run was started.
pub(crate) struct Started {
    pub(crate) run: RunId,
    /// Whether it was started before under the same key.
    pub(crate) existed: bool,
}

impl Plane {
    pub(crate) fn sink(&self) -> &Arc<dyn EventSink> {
        match self {
            Self::Client(client) => client.backend().sink(),
            Self::Runtime(runtime) => runtime.sink(),
        }
    }

    /// The workflows that this plane itself knows of.
    pub(crate) fn workflows(&self) -> Vec<String> {
        match self {
            Self::Client(_) => Vec::new(),
            Self::Runtime(runtime) => runtime.workflows().map(str::to_owned).collect(),
        }
    }

    pub(crate) async fn start(
        &self,
        workflow: &str,
        input: &Json,
        idempotency: Option<Idempotency>,
    ) -> Result<Started> {
        match self {
            Self::Client(client) => {
                let mut start = client.start(workflow, input);
                if let Some(Idempotency { key, ttl }) = idempotency {
                    start = start.idempotency_key(key, ttl);
                }
                let handle = start.await?;
                Ok(Started { run: handle.id().clone(), existed: handle.existed() })
            }
            Self::Runtime(runtime) => {
                let id = match &idempotency {
                    Some(Idempotency { key, .. }) => id_of_key(workflow, key)?,
                    None => RunId::generate(),
                };
                let existed = idempotency.is_some() && runtime.sink().head(&id).await?.is_some();
                let run = runtime.start_by_name(workflow, id, input).await?;
                Ok(Started { run: run.id().clone(), existed })
            }
        }
    }

    /// Starts a run under an id that the caller made: unless there is one, which is not started again.
    pub(crate) async fn start_as(&self, workflow: &str, run: &RunId, input: &Json) -> Result<Started> {
        let started = match self {
            Self::Client(client) => {
                client.start(workflow, input).id(run.clone()).await.map(|it| it.existed())
            }
            Self::Runtime(runtime) => {
                let existed = runtime.sink().head(run).await?.is_some();
                match existed {
                    true => Ok(true),
                    false => runtime.start_by_name(workflow, run.clone(), input).await.map(|_| false),
                }
            }
        };
        let existed = match started {
            Err(error) if error.kind() == ErrorKind::Exists => true,
            started => started?,
        };
        Ok(Started { run: run.clone(), existed })
    }

    /// Where a run stands. One that is queued, and whose stream its client did not come to open, has none yet.
    pub(crate) async fn head(&self, run: &RunId) -> Result<Option<Head>> {
        Ok(self.sink().head(run).await?)
    }

    /// Waits for a run's end, however it ends.
    pub(crate) async fn wait(&self, run: &RunId) -> Result<()> {
        let ended = match self {
            Self::Client(client) => client.run(run).output::<Json>().await,
            Self::Runtime(runtime) => runtime.attach::<Json>(run).await?.output().await,
        };
        match ended {
            Err(error) if is_of_the_store(&error) => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) async fn send(&self, run: &RunId, name: &str, value: &Json, id: Option<&str>) -> Result<()> {
        match self {
            Self::Client(client) => client.send(run, name, value, id).await,
            Self::Runtime(runtime) => runtime.send(run, name, value, id).await,
        }
    }

    pub(crate) async fn cancel(&self, run: &RunId) -> Result<()> {
        match self {
            Self::Client(client) => client.cancel(run).await,
            Self::Runtime(runtime) => runtime.attach::<Json>(run).await?.cancel().await,
        }
    }

    /// The run that retries one that failed.
    pub(crate) async fn retry(&self, run: &RunId) -> Result<RunId> {
        match self {
            Self::Client(client) => Ok(client.retry(run).await?.id().clone()),
            Self::Runtime(runtime) => Ok(runtime.retry_by_name(run).await?.id().clone()),
        }
    }

    /// Removes a run that has ended, or that nobody has.
    pub(crate) async fn delete(&self, run: &RunId) -> Result<()> {
        match self {
            Self::Client(client) => client.delete(run).await,
            Self::Runtime(runtime) => Ok(runtime.sink().delete(run).await?),
        }
    }
}

/// Whether it is no end of a run, but keeps it from being seen.
fn is_of_the_store(error: &Error) -> bool {
    error.component().is_none()
        && matches!(error.kind(), ErrorKind::Sink | ErrorKind::NotFound | ErrorKind::Gone)
}

/// A runtime has no queue that remembers keys: the run's id is made of the key, and counts as long as the run is kept.
fn id_of_key(workflow: &str, key: &str) -> Result<RunId> {
    let mut hasher = blake3::Hasher::new_derive_key("gensx-http 2026 run id of an idempotency key");
    hasher.update(&(workflow.len() as u64).to_le_bytes()).update(workflow.as_bytes()).update(key.as_bytes());
    hasher.finalize().to_hex()[..32].parse()
}
