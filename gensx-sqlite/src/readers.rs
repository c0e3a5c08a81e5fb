//! Connections for reading, a few, off the async threads.

use std::sync::{Arc, Mutex, PoisonError};

use gensx_core::SinkErrorKind;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{builder::Settings, error::Failure, file, threads};

/// Reads at once. More of them would only compete for the same disk and processors.
const CONNECTIONS: usize = 4;

#[derive(Debug)]
pub(crate) struct Readers {
    settings: Arc<Settings>,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, idle: Arc::default(), turns: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Runs a query. Dropped, the query ends unheard, and keeps its turn until then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| Failure::new(SinkErrorKind::Unavailable, "the sink is closed"))?;
        let (idle, settings) = (Arc::clone(&self.idle), Arc::clone(&self.settings));
        threads::blocking(move || {
            let _turn = turn;
            let pool = || idle.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting = pool().pop();
            let file = waiting.map_or_else(|| file::open_to_read(&settings), Ok)?;
            // A connection that failed is dropped: the next read begins with a new one.
            let answer = query(&file)?;
            pool().push(file);
            Ok(answer)
        })
        .await
    }
}
