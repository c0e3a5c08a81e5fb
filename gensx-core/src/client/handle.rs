use serde::de::DeserializeOwned;

use super::Client;
use crate::{
    Error, ErrorKind, Event, EventId, EventKind, Result, RunId, RunStatus,
    event::Json,
    runtime::{ended, not_found},
    sink::{Events, Head},
};

/// A run as its client holds it. Dropping it changes nothing.
///
/// ```
/// # use gensx_core as gensx;
/// # async fn example(client: gensx::Client) -> gensx::Result<()> {
/// let run = client.start("digest", "tides").await?;
/// let mut events = run.events();
/// while let Some(event) = events.next().await {
///     println!("{}", event?.to_json());
/// }
/// let output: String = run.output().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RunHandle {
    client: Client,
    id: RunId,
    existed: bool,
}

impl RunHandle {
    pub(super) fn new(client: Client, id: RunId, existed: bool) -> Self {
        Self { client, id, existed }
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Whether the run had been started before: by its id, or by its idempotency key.
    #[must_use]
    pub fn existed(&self) -> bool {
        self.existed
    }

    /// Its events, from the first to the last.
    #[must_use]
    pub fn events(&self) -> Events {
        self.client.events(&self.id, None)
    }

    /// Its events after one that was seen.
    #[must_use]
    pub fn events_after(&self, id: EventId) -> Events {
        self.client.events(&self.id, Some(id))
    }

    /// How it stands. Where in the queue, [`Client::find`] says. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Sink`].
    pub async fn status(&self) -> Result<RunStatus> {
        // One that is queued, and whose stream its client did not come to open, has begun as well.
        Ok(self.head().await?.map_or(RunStatus::Running, |head| head.status))
    }

    /// Waits for the run's end, wherever it is executed, and gives its output. Cancel safe, and may be called again.
    ///
    /// # Errors
    /// The run's own error; [`ErrorKind::Cancelled`]; [`ErrorKind::GivenUp`]; [`ErrorKind::NotFound`] without a run,
    /// [`ErrorKind::Sink`], [`ErrorKind::Replay`] if the output is no `T`.
    pub async fn output<T: DeserializeOwned>(&self) -> Result<T> {
        let json = self.ended().await??;
        serde_json::from_str(json.get()).map_err(|error| {
            let text = format!("the output of run `{}` is no `{}`", self.id, std::any::type_name::<T>());
            Error::of(ErrorKind::Replay, text).with_source(error)
        })
    }

    /// As [`Client::cancel`].
    ///
    /// # Errors
    /// As [`Client::cancel`].
    pub async fn cancel(&self) -> Result<()> {
        self.client.cancel(&self.id).await
    }

    async fn head(&self) -> Result<Option<Head>> {
        let head = self.client.sink().head(&self.id).await?;
        if head.is_none() && self.client.find(&self.id).await?.is_none() {
            return Err(not_found(&self.id, self.client.sink()));
        }
        Ok(head)
    }

    /// Looks at the end of the stream first: one that has ended is not read from its beginning.
    async fn ended(&self) -> Result<Result<Json>> {
        let sink = self.client.sink();
        loop {
            let Some(head) = self.head().await? else {
                crate::clock::sleep(super::control::LOOK_AGAIN).await;
                continue;
            };
            if head.status.is_ended() {
                let last = sink.read(&self.id, head.last.seq - 1, 1).await?;
                let last = last.first().ok_or_else(|| not_found(&self.id, sink))?;
                if let Some(ended) = end_of(&self.id, Event::decode(last.id, &last.payload)?) {
                    return Ok(ended);
                }
            }
            let mut rest = self.client.events(&self.id, Some(head.last));
            while let Some(event) = rest.next().await {
                match event {
                    Ok(event) => {
                        if let Some(ended) = end_of(&self.id, event) {
                            return Ok(ended);
                        }
                    }
                    // The store lost its tail: look again at what it has.
                    Err(error) if error.kind() == ErrorKind::Gone => break,
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

fn end_of(run: &RunId, event: Event) -> Option<Result<Json>> {
    match event.kind {
        EventKind::RunEnded { status, output, error } => Some(ended(run, status, output, error)),
        _ => None,
    }
}
