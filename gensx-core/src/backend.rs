use std::{fmt, sync::Arc};

use crate::{EventSink, MemoryQueue, MemorySink, RunQueue};

/// Where a fleet's runs are: a sink, which keeps their streams, and a queue, in which they wait for workers. Cheap to
/// clone; the clones are one.
///
/// ```
/// use gensx_core::{Backend, Client, Worker};
///
/// let backend = Backend::in_memory();
/// let client = Client::new(backend.clone());
/// let worker = Worker::builder(backend);
/// ```
#[derive(Clone)]
pub struct Backend {
    sink: Arc<dyn EventSink>,
    queue: Arc<dyn RunQueue>,
}

impl Backend {
    /// A sink and a queue together. All clients and workers of a fleet must have the same two.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use gensx_core::{Backend, MemoryQueue, MemorySink};
    ///
    /// let backend = Backend::new(Arc::new(MemorySink::new()), Arc::new(MemoryQueue::new()));
    /// ```
    #[must_use]
    pub fn new(sink: Arc<dyn EventSink>, queue: Arc<dyn RunQueue>) -> Self {
        Self { sink, queue }
    }

    /// Both in memory: for tests, and for fleets of one process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Arc::new(MemorySink::new()), Arc::new(MemoryQueue::new()))
    }

    /// The sink.
    #[must_use]
    pub fn sink(&self) -> &Arc<dyn EventSink> {
        &self.sink
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &Arc<dyn RunQueue> {
        &self.queue
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("sink", &self.sink.name()).field("queue", &self.queue.name()).finish()
    }
}
