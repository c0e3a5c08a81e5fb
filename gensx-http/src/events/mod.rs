//! A run's events as a stream that is read by the Durable Streams protocol, and by whoever takes events or lines.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use gensx_core::{
    Error, ErrorKind, EventId, EventSink, RunId,
    sink::{Entry, Page, pages},
};

use crate::durable::{Cacheable, Chunk, Chunks, Offset, Start, Stat, StoreError, StreamStore};

/// The streams of runs, by the runs' ids.
#[derive(Clone, Debug)]
pub(crate) struct RunStreams(pub(crate) Arc<dyn EventSink>);

#[async_trait]
impl StreamStore for RunStreams {
    async fn stat(&self, stream: &str) -> Result<Stat, StoreError> {
        let run: RunId = stream.parse().map_err(|_| StoreError::NotFound)?;
        let head =
            self.0.head(&run).await.map_err(|error| failed(error.into()))?.ok_or(StoreError::NotFound)?;
        let closed = head.status.is_ended();
        Ok(Stat {
            content_type: "application/json".to_owned(),
            tail: offset(head.last)?,
            closed,
            cacheable: if closed { Cacheable::Immutable } else { Cacheable::Revalidated },
            headers: Vec::new(),
        })
    }

    fn chunks(&self, stream: &str, start: Start, limit: usize) -> Chunks {
        match read_from(stream, &start) {
            Ok((run, after)) => {
                let mut at = after;
                let pages = pages(Arc::clone(&self.0), run, after, limit);
                pages.map(move |page| chunk(page.map_err(failed)?, &mut at)).boxed()
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }
}

fn read_from(stream: &str, start: &Start) -> Result<(RunId, Option<EventId>), StoreError> {
    let run: RunId = stream.parse().map_err(|_| StoreError::NotFound)?;
    match start {
        Start::Beginning => Ok((run, None)),
        Start::After(offset) => {
            let after: EventId = offset
                .as_str()
                .parse()
                .map_err(|_| StoreError::BadOffset(format!("`{offset}` is no position of a run")))?;
            Ok((run, Some(after)))
        }
    }
}

fn chunk(page: Page, at: &mut Option<EventId>) -> Result<Chunk, StoreError> {
    let messages = page.entries.iter().map(message).collect::<Result<_, _>>()?;
    *at = page.entries.last().map(|last| last.id).or(*at);
    let next = at.ok_or_else(|| failed(Error::msg("a page without entries and without a position")))?;
    Ok(Chunk { messages, next: offset(next)?, at_end: page.at_end, closed: page.ended })
}

/// An event as outside readers get it: on one line.
fn message(entry: &Entry) -> Result<Bytes, StoreError> {
    let mut json = entry.to_json().map_err(failed)?.into_bytes();
    // No string of JSON holds a bare line end; between its tokens one may stand, where an application wrote it so.
    json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    Ok(json.into())
}

fn offset(id: EventId) -> Result<Offset, StoreError> {
    Offset::new(id.to_string()).ok_or_else(|| failed(Error::msg("an event's id is no offset")))
}

fn failed(error: Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound => StoreError::NotFound,
        ErrorKind::Gone => StoreError::Gone(error.to_string()),
        _ => StoreError::Failed(error),
    }
}
