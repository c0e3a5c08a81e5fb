//! A fleet of one process, over whatever backend, and what its components did, where gensx does not look.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use gensx::{Backend, Client, Event, RunId, Worker, WorkerBuilder};
use tokio::{sync::oneshot, task::JoinHandle};

/// How long anything that should happen may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The lease of workers in tests that wait for one to run out.
pub(crate) const SHORT_LEASE: Duration = Duration::from_millis(600);

/// A worker that works in a task of this process.
pub(crate) struct Working {
    pub(crate) worker: Worker,
    task: JoinHandle<gensx::Result<()>>,
    signal: Option<oneshot::Sender<()>>,
}

impl Working {
    pub(crate) fn begin(builder: WorkerBuilder) -> Self {
        let worker = builder.build().unwrap();
        let (signal, signalled) = oneshot::channel::<()>();
        let works = worker.clone();
        let until = async move { works.run_until(async { drop(signalled.await) }).await };
        Self { worker, task: tokio::spawn(until), signal: Some(signal) }
    }

    /// Gives it the signal, and waits until it has drained.
    pub(crate) async fn drain(mut self) {
        drop(self.signal.take());
        bounded("the drain", &mut self.task).await.unwrap().unwrap();
    }

    /// Ends it as a crash would: nothing is released, nothing renewed.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = bounded("the end of the task", self.task).await;
    }
}

/// Waits no longer than the tests' patience.
pub(crate) async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} took longer than {PATIENCE:?}"),
    }
}

/// Waits until a question is answered with yes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let began = Instant::now();
    while !ask().await {
        assert!(began.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until nothing is left in the queue but what is dead.
pub(crate) async fn until_empty(client: &Client) {
    until("an empty queue", || async {
        let stats = client.stats().await.unwrap();
        stats.ready + stats.held + stats.delayed + stats.parked + stats.leased == 0
    })
    .await;
}

pub(crate) async fn events(client: &Client, run: &RunId) -> Vec<Event> {
    bounded("the run's stream", client.events(run, None).collect()).await.unwrap()
}

/// What bodies did, by a name that no other test uses.
static DONE: Mutex<Option<HashMap<String, u32>>> = Mutex::new(None);

/// Notes that a body ran, and gives how often it did by now.
pub(crate) fn did(what: &str) -> u32 {
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let count = done.get_or_insert_default().entry(what.to_owned()).or_default();
    *count += 1;
    *count
}

pub(crate) fn times(what: &str) -> u32 {
    let done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    done.as_ref().and_then(|done| done.get(what).copied()).unwrap_or_default()
}

/// A name for what one test notes.
pub(crate) fn fresh(name: &str) -> String {
    format!("{name}-{}", RunId::generate())
}

/// A fresh backend of each kind, and what must live as long as it is used.
pub(crate) mod fresh_backend {
    use super::Backend;

    pub(crate) async fn memory() -> (Backend, ()) {
        (Backend::in_memory(), ())
    }

    pub(crate) async fn sqlite() -> (Backend, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("gensx.db").display());
        (gensx::backend_from_url(&url).await.unwrap(), folder)
    }

    pub(crate) async fn redis() -> (Backend, gensx_test_servers::RedisServer) {
        let server = gensx_test_servers::RedisServer::start();
        (gensx::backend_from_url(&server.url()).await.unwrap(), server)
    }
}

/// Every kind of backend that the tests are run over.
macro_rules! over_backends {
    ($($name:ident),* $(,)?) => {
        crate::support::over_backends!(@ memory $($name),*);
        crate::support::over_backends!(@ sqlite $($name),*);
        crate::support::over_backends!(@ redis $($name),*);
    };
    (@ $kind:ident $($name:ident),*) => {
        mod $kind {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (backend, _kept) = crate::support::fresh_backend::$kind().await;
                super::$name(backend).await;
            })*
        }
    };
}
pub(crate) use over_backends;

/// The client of a backend.
pub(crate) fn client(backend: &Backend) -> Client {
    Client::new(backend.clone())
}
