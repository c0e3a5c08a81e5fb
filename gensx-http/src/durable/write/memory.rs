//! Streams in this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use super::{
    record::Record,
    store::{Append, Appended, Create, Created, WritableStore, WriteError},
};
use crate::{
    clock::unix_millis,
    durable::{Chunk, Chunks, Start, Stat, StoreError, StreamStore},
};

/// The most streams that it holds.
const MAX_STREAMS: usize = 100_000;
/// The most bytes of all their messages.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Streams of any content, kept in memory and gone with the process: for tests and for trying things out. At most 100,000
/// streams and 256 MiB. Clones share them.
///
/// ```
/// use gensx_http::durable::{MemoryStreams, WritableRouter};
///
/// let app: axum::Router = WritableRouter::new(MemoryStreams::new()).router();
/// ```
#[derive(Clone, Default, Debug)]
pub struct MemoryStreams(Arc<Mutex<Streams>>);

#[derive(Default, Debug)]
struct Streams {
    by_name: HashMap<String, Held>,
    bytes: usize,
    /// How many were ever created: a reader is not handed on to another stream of the same name.
    created: u64,
}

#[derive(Debug)]
struct Held {
    record: Record,
    number: u64,
    changed: watch::Sender<()>,
}

impl MemoryStreams {
    /// No streams yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn held(&mut self, name: &str) -> Result<&mut Held, StoreError> {
        if self.by_name.get(name).is_some_and(|held| held.record.is_over(unix_millis())) {
            self.remove(name);
        }
        self.by_name.get_mut(name).ok_or(StoreError::NotFound)
    }

    fn remove(&mut self, name: &str) -> Option<Held> {
        let held = self.by_name.remove(name)?;
        self.bytes -= held.record.bytes();
        Some(held)
    }

    fn expect_room(&self, bytes: usize) -> Result<(), WriteError> {
        if self.bytes.saturating_add(bytes) <= MAX_BYTES {
            return Ok(());
        }
        Err(WriteError::Full(format!("the streams hold {} bytes, of at most {MAX_BYTES}", self.bytes)))
    }
}

#[async_trait]
impl StreamStore for MemoryStreams {
    async fn stat(&self, stream: &str) -> Result<Stat, StoreError> {
        Ok(self.lock().held(stream)?.record.stat())
    }

    fn chunks(&self, stream: &str, start: Start, limit: usize) -> Chunks {
        let reader =
            Reader { streams: self.clone(), name: stream.to_owned(), limit, state: State::Starts(start) };
        let chunks = stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) });
        chunks.fuse().boxed()
    }
}

#[async_trait]
impl WritableStore for MemoryStreams {
    async fn create(&self, stream: &str, create: Create) -> Result<Created, WriteError> {
        let mut streams = self.lock();
        if let Ok(held) = streams.held(stream) {
            return held.record.existing(&create);
        }
        if streams.by_name.len() >= MAX_STREAMS {
            return Err(WriteError::Full(format!("there are {MAX_STREAMS} streams, which is the limit")));
        }
        let record = Record::new(create, unix_millis());
        streams.expect_room(record.bytes())?;
        streams.bytes += record.bytes();
        streams.created += 1;
        let created = record.created(false);
        let held = Held { record, number: streams.created, changed: watch::Sender::new(()) };
        streams.by_name.insert(stream.to_owned(), held);
        Ok(created)
    }

    async fn append(&self, stream: &str, append: Append) -> Result<Appended, WriteError> {
        let mut streams = self.lock();
        streams.held(stream)?;
        streams.expect_room(append.messages.iter().map(bytes::Bytes::len).sum())?;
        let held = streams.held(stream)?;
        let before = held.record.bytes();
        let appended = held.record.append(append)?;
        held.record.touch(unix_millis());
        held.changed.send_replace(());
        let added = held.record.bytes() - before;
        streams.bytes += added;
        Ok(appended)
    }

    async fn delete(&self, stream: &str) -> Result<(), WriteError> {
        let mut streams = self.lock();
        streams.held(stream)?;
        // Its readers wake up, because the sender is dropped with it.
        streams.remove(stream);
        Ok(())
    }
}

struct Reader {
    streams: MemoryStreams,
    name: String,
    limit: usize,
    state: State,
}

enum State {
    Starts(Start),
    Reads { number: u64, position: usize, changed: watch::Receiver<()> },
    Over,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Chunk, StoreError>> {
        let next = match std::mem::replace(&mut self.state, State::Over) {
            State::Starts(start) => self.first(&start),
            State::Reads { number, position, changed } => self.more(number, position, changed).await,
            State::Over => return None,
        };
        Some(next)
    }

    fn first(&mut self, start: &Start) -> Result<Chunk, StoreError> {
        let streams = self.streams.clone();
        let mut streams = streams.lock();
        let held = streams.held(&self.name)?;
        let position = held.record.position(start)?;
        held.record.touch(unix_millis());
        let changed = held.changed.subscribe();
        let (number, chunk) = (held.number, held.record.chunk(position, self.limit));
        Ok(self.goes_on(number, chunk, changed))
    }

    async fn more(
        &mut self,
        number: u64,
        position: usize,
        mut changed: watch::Receiver<()>,
    ) -> Result<Chunk, StoreError> {
        loop {
            // Before it is read: what is appended after that wakes it.
            changed.mark_unchanged();
            if let Some(chunk) = self.read(number, position)? {
                return Ok(self.goes_on(number, chunk, changed));
            }
            // An error says that the stream was removed, which is seen next.
            let _ = changed.changed().await;
        }
    }

    /// What came, if anything did.
    fn read(&self, number: u64, position: usize) -> Result<Option<(Chunk, usize)>, StoreError> {
        let mut streams = self.streams.lock();
        let held = streams.held(&self.name)?;
        if held.number != number {
            return Err(StoreError::Gone("the stream was removed, and created anew".to_owned()));
        }
        let (chunk, next) = held.record.chunk(position, self.limit);
        Ok((chunk.closed || next > position).then_some((chunk, next)))
    }

    fn goes_on(
        &mut self,
        number: u64,
        (chunk, position): (Chunk, usize),
        changed: watch::Receiver<()>,
    ) -> Chunk {
        if !chunk.closed {
            self.state = State::Reads { number, position, changed };
        }
        chunk
    }
}
