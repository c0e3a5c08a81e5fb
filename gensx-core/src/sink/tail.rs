//! Reading a stream: its history, then what is appended, without a seam.

use std::{
    collections::VecDeque,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    pin::Pin,
    sync::Arc,
    task,
    time::{Duration, Instant},
};

use futures_util::{Stream, stream};

use super::{Entry, EventSink, SinkError, SinkErrorKind};
use crate::{Error, ErrorKind, EventId, Result, RunId, clock, event::Event};

/// Entries that a reader asks for at once: measured best between 500 and 1,000.
const PAGE: usize = 500;
/// Tries of one question while the sink does not answer.
const READ_ATTEMPTS: u32 = 6;
/// The wait after the first failed try, doubled after each other one.
const READ_RETRY: Duration = Duration::from_millis(100);
/// A reader that comes back later than this after its last page looks whether its position is still there.
const AWAY: Duration = Duration::from_millis(100);
/// After a wait as long as this another store may have taken over, with a tail of its own: none does so faster.
const FAILOVER: Duration = Duration::from_millis(500);

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
    let reader = Reader {
        sink,
        run,
        cursor: after,
        seen: None,
        page: VecDeque::new(),
        at_end: false,
        asked: None,
        state: State::Unchecked,
    };
    let events = stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await.transpose()?;
        reader.state = match &next {
            Ok(event) if event.is_last() => State::Over,
            Ok(_) => State::Reading,
            Err(_) => State::Over,
        };
        Some((next, reader))
    });
    // Who asks again behind the end is told so again: an `unfold` alone would panic.
    Events(Box::pin(stream::StreamExt::fuse(events)))
}

enum State {
    /// The position that the reader was given has not been looked up.
    Unchecked,
    Reading,
    Over,
}

struct Reader {
    sink: Arc<dyn EventSink>,
    run: RunId,
    cursor: Option<EventId>,
    /// A hash of the entry there, if it was read here: what a store lost may be written anew under the same id.
    seen: Option<u64>,
    page: VecDeque<Entry>,
    /// Whether the stream ended with the page that was read last.
    at_end: bool,
    /// When that page was asked for.
    asked: Option<Instant>,
    state: State,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Event>> {
        let over = match self.state {
            State::Over => true,
            State::Unchecked => self.check_cursor().await?,
            State::Reading => false,
        };
        if over {
            return Ok(None);
        }
        while self.page.is_empty() {
            let woken = self.at_end;
            let began = clock::now();
            if woken {
                self.expect_cursor_if_away().await?;
                let (run, after) = (&self.run, self.position());
                patiently(|| self.sink.changed(run, after)).await?;
            }
            let late = clock::now().saturating_duration_since(began) >= FAILOVER;
            self.asked = Some(clock::now());
            self.page = self.read(self.position(), PAGE).await?.into();
            // What was the end is waited at, and not read to find nothing.
            self.at_end = self.page.len() < PAGE;
            match self.cursor {
                // Woken for nothing: the store may have lost what this reader has seen.
                Some(cursor) if self.page.is_empty() && woken => self.expect_cursor(cursor).await?,
                _ => self.check_page(late).await?,
            }
        }
        let Some(entry) = self.page.pop_front() else { return Ok(None) };
        let event = Event::decode(entry.id, &entry.payload)?;
        self.cursor = Some(entry.id);
        // Only at a page's end is it looked at again.
        self.seen = self.page.is_empty().then(|| hash(&entry));
        Ok(Some(event))
    }

    fn position(&self) -> u64 {
        self.cursor.map_or(0, |id| id.seq)
    }

    /// Whether the reader stands at the run's end already.
    async fn check_cursor(&mut self) -> Result<bool> {
        let Some(cursor) = self.cursor else { return Ok(false) };
        self.expect_cursor(cursor).await?;
        let head = patiently(|| self.sink.head(&self.run)).await?;
        Ok(head.is_some_and(|head| head.status.is_ended() && head.last == cursor))
    }

    /// While whoever reads was busy with the last page, the store may have lost what is on it, and the run may have ended at
    /// the same position again: nothing would come that tells.
    async fn expect_cursor_if_away(&self) -> Result<()> {
        match (self.cursor, self.asked) {
            (Some(cursor), Some(asked)) if clock::now().saturating_duration_since(asked) >= AWAY => {
                self.expect_cursor(cursor).await
            }
            _ => Ok(()),
        }
    }

    async fn expect_cursor(&self, cursor: EventId) -> Result<()> {
        let held = match cursor.seq.checked_sub(1) {
            Some(before) => {
                self.read(before, 1).await?.first().is_some_and(|entry| self.is_seen(cursor, entry))
            }
            None => false,
        };
        if held {
            return Ok(());
        }
        let text = format!(
            "run `{}` does not hold position {cursor} (any more): read it from the beginning",
            self.run
        );
        Err(Error::of(ErrorKind::Gone, text))
    }

    fn is_seen(&self, cursor: EventId, entry: &Entry) -> bool {
        entry.id == cursor && self.seen.is_none_or(|seen| seen == hash(entry))
    }

    /// Under a new epoch, or after a long wait, the tail may have been written again, where a store lost it: the reader is
    /// told.
    async fn check_page(&self, late: bool) -> Result<()> {
        let (Some(first), expected) = (self.page.front(), self.position() + 1) else { return Ok(()) };
        if first.id.seq != expected {
            let text = format!(
                "run `{}` has a hole in its stream: {} follows position {}",
                self.run,
                first.id,
                expected - 1
            );
            return Err(Error::of(ErrorKind::Replay, text));
        }
        match self.cursor {
            Some(cursor) if late || first.id.epoch != cursor.epoch => self.expect_cursor(cursor).await,
            _ => Ok(()),
        }
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        patiently(|| self.sink.read(&self.run, after, limit)).await
    }
}

fn hash(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    entry.payload.hash(&mut hasher);
    hasher.finish()
}

/// Asks again for some seconds while the sink does not answer.
async fn patiently<T, F: Future<Output = Result<T, SinkError>>>(ask: impl Fn() -> F) -> Result<T, SinkError> {
    let mut wait = READ_RETRY;
    for _ in 1..READ_ATTEMPTS {
        match ask().await {
            Err(error) if error.kind() == SinkErrorKind::Unavailable => clock::sleep(wait).await,
            answer => return answer,
        }
        wait *= 2;
    }
    ask().await
}
