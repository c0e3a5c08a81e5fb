//! Reading a stream event by event.

use std::{collections::VecDeque, fmt, pin::Pin, sync::Arc, task};

use futures_util::{Stream, stream};

use super::{Entry, EventSink, Pages, pages};
use crate::{EventId, Result, RunId, event::Event};

/// Entries that a reader asks for at once: measured best between 500 and 1,000.
const PAGE: usize = 500;

/// A run's events, from a position to the run's last event, and then the end.
///
/// Slow readers hold up nobody: a reader pulls pages at its own pace. Dropping it at any time is safe; a
/// new reader goes on after the last id that was seen.
pub struct Events(Pin<Box<dyn Stream<Item = Result<Event>> + Send>>);

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// The next event; `None` after the run's last one. Cancel safe: an event is taken only when it is given.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        stream::StreamExt::next(&mut self.0).await
    }

    /// Every event to the run's end. Dropped, it loses what it has read; the stream has it still.
    ///
    /// # Errors
    /// The first error of the stream.
    pub async fn collect(self) -> Result<Vec<Event>> {
        stream::TryStreamExt::try_collect(self.0).await
    }
}

/// A run's events after `after`, or from the beginning; without a gap or a duplicate between history and what follows.
///
/// The stream ends after the run's last event, or after an error:
/// [`ErrorKind::NotFound`] without a stream, [`ErrorKind::Gone`] if `after` is not in the stream (any more),
/// [`ErrorKind::Replay`] for an entry that cannot be read, [`ErrorKind::Sink`] if the sink does not answer for
/// some seconds.
///
/// [`ErrorKind::NotFound`]: crate::ErrorKind::NotFound
/// [`ErrorKind::Gone`]: crate::ErrorKind::Gone
/// [`ErrorKind::Replay`]: crate::ErrorKind::Replay
/// [`ErrorKind::Sink`]: crate::ErrorKind::Sink
///
/// ```
/// use std::sync::Arc;
///
/// use gensx_core::{EventSink, Result, RunId, sink};
///
/// async fn print(store: Arc<dyn EventSink>, run: RunId) -> Result<()> {
///     let mut events = sink::events(store, run, None);
///     while let Some(event) = events.next().await {
///         println!("{}", event?.to_json());
///     }
///     Ok(())
/// }
/// ```
#[must_use]
pub fn events(sink: Arc<dyn EventSink>, run: RunId, after: Option<EventId>) -> Events {
    let reader = Reader { pages: pages(sink, run, after, PAGE), page: VecDeque::new(), over: false };
    let events = stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await.transpose()?;
        reader.over = next.as_ref().map_or(true, Event::is_last);
        Some((next, reader))
    });
    // Who asks again behind the end is told so again: an `unfold` alone would panic.
    Events(Box::pin(stream::StreamExt::fuse(events)))
}

struct Reader {
    pages: Pages,
    page: VecDeque<Entry>,
    over: bool,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Event>> {
        while self.page.is_empty() {
            match self.pages.next().await {
                Some(page) if !self.over => self.page = page?.entries.into(),
                _ => return Ok(None),
            }
        }
        let Some(entry) = self.page.pop_front() else { return Ok(None) };
        Event::decode(entry.id, &entry.payload).map(Some)
    }
}
