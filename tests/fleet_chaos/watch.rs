//! Under which claim a body runs: the worker's sink is watched for claims that are durable.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use gensx::{
    EventSink, RunId, SinkError,
    sink::{Append, Arrived, Batch, BatchKind, Cursor, Entry, Head, Inbox, Message, RunFilter, RunPage},
};

/// The last claim of each run by this process.
static CLAIMS: Mutex<Option<HashMap<RunId, u32>>> = Mutex::new(None);

tokio::task_local! {
    /// The claim under which the run of this task is executed.
    static EPOCH: u32;
}

/// Executes a run's first body under the claim that this process has made for it: the one before, if there was one, has
/// been dropped before the run is claimed again.
pub(crate) async fn under_its_claim<F: Future>(body: F) -> F::Output {
    let run = gensx::current().expect("a body that runs in a run").run;
    let claim = CLAIMS.lock().unwrap().as_ref().and_then(|claims| claims.get(&run).copied());
    EPOCH.scope(claim.expect("no body runs before its run's claim is durable"), body).await
}

pub(crate) fn epoch() -> u32 {
    EPOCH.get()
}

/// A sink whose claims are seen.
#[derive(Debug)]
pub(crate) struct Watched(pub(crate) Arc<dyn EventSink>);

#[async_trait]
impl EventSink for Watched {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        let answer = self.0.append(batch).await?;
        if matches!(batch.kind, BatchKind::Claims { .. })
            && matches!(answer, Append::Done | Append::Duplicate)
        {
            let mut claims = CLAIMS.lock().unwrap();
            claims.get_or_insert_default().insert(batch.run.clone(), batch.first.epoch);
        }
        Ok(answer)
    }

    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        self.0.read(run, after, limit).await
    }

    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        self.0.head(run).await
    }

    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        self.0.changed(run, after).await
    }

    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        self.0.list(filter, after, limit).await
    }

    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        self.0.delete(run).await
    }

    async fn now_ms(&self) -> Result<u64, SinkError> {
        self.0.now_ms().await
    }
}

#[async_trait]
impl Inbox for Watched {
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError> {
        self.0.send(run, message).await
    }

    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        self.0.receive(run, after, limit).await
    }

    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        self.0.arrivals(cursor).await
    }
}
