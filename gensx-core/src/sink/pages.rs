//! Reading a stream page by page: its history, then what is appended, without a seam.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    pin::Pin,
    sync::Arc,
    task,
    time::{Duration, Instant},
};

use futures_util::{Stream, stream};

use super::{Entry, EventSink, Head, MAX_PAGE, SinkError, SinkErrorKind};
use crate::{Error, ErrorKind, EventId, Result, RunId, clock, event::Event};

/// Tries of one question while the sink does not answer.
const READ_ATTEMPTS: u32 = 6;
/// The wait after the first failed try, doubled after each other one.
const READ_RETRY: Duration = Duration::from_millis(100);
/// A reader that comes back later than this after its last page looks whether its position is still there.
const AWAY: Duration = Duration::from_millis(100);
/// After a wait as long as this another store may have taken over, with a tail of its own: none does so faster.
const FAILOVER: Duration = Duration::from_millis(500);

/// Some entries of a run that follow each other.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct Page {
    /// What was stored, and under which ids.
    pub entries: Vec<Entry>,
    /// Whether nothing followed when it was read, as far as its length tells: a store may give short pages.
    pub at_end: bool,
    /// Whether the run has ended, and nothing will ever follow.
    pub ended: bool,
}

/// A run's pages, from a position to the one with the run's last event, and then the end.
///
/// Slow readers hold up nobody: a reader pulls pages at its own pace. Dropping it at any time is safe; a
/// new reader goes on after the last id that was seen.
pub struct Pages(Pin<Box<dyn Stream<Item = Result<Page>> + Send>>);

impl Stream for Pages {
    type Item = Result<Page>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

impl Pages {
    /// The next page; `None` after the run's last one. Cancel safe: a page is taken only when it is given.
    pub async fn next(&mut self) -> Option<Result<Page>> {
        stream::StreamExt::next(&mut self.0).await
    }
}

/// A run's entries after `after`, or from the beginning, up to `limit` and [`MAX_PAGE`] of them at once; without a gap or a
/// duplicate between history and what follows. For who passes entries on and need not look into them:
/// [`events`](super::events) decodes them.
///
/// The first page comes at once, and is empty if nothing follows `after` yet. Others come when there is something on them.
/// Errors are those of [`events`](super::events), and the last thing that comes.
///
/// ```
/// use std::sync::Arc;
///
/// use gensx_core::{EventSink, Result, RunId, sink};
///
/// async fn bytes(store: Arc<dyn EventSink>, run: RunId) -> Result<usize> {
///     let (mut pages, mut bytes) = (sink::pages(store, run, None, 100), 0);
///     while let Some(page) = pages.next().await {
///         bytes += page?.entries.iter().map(|entry| entry.payload.len()).sum::<usize>();
///     }
///     Ok(bytes)
/// }
/// ```
#[must_use]
pub fn pages(sink: Arc<dyn EventSink>, run: RunId, after: Option<EventId>, limit: usize) -> Pages {
    let reader = Reader {
        sink,
        run,
        limit: limit.clamp(1, MAX_PAGE),
        cursor: after,
        seen: None,
        asked: None,
        state: State::Unchecked,
    };
    let pages = stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await.transpose()?;
        if !matches!(&next, Ok(page) if !page.ended) {
            reader.state = State::Over;
        }
        Some((next, reader))
    });
    // Who asks again behind the end is told so again: an `unfold` alone would panic.
    Pages(Box::pin(stream::StreamExt::fuse(pages)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The position that the reader was given has not been looked up.
    Unchecked,
    /// There was more.
    Reading,
    /// There was nothing behind the page that was read last.
    AtEnd,
    Over,
}

struct Reader {
    sink: Arc<dyn EventSink>,
    run: RunId,
    limit: usize,
    cursor: Option<EventId>,
    /// A hash of the entry there, if it was read here: what a store lost may be written anew under the same id.
    seen: Option<u64>,
    /// When the last page was asked for.
    asked: Option<Instant>,
    state: State,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Page>> {
        if self.state == State::Over {
            return Ok(None);
        }
        if self.state == State::Unchecked
            && let Some(page) = self.check_cursor().await?
        {
            self.state = State::AtEnd;
            return Ok(Some(page));
        }
        loop {
            let woken = self.state == State::AtEnd;
            let began = clock::now();
            if woken {
                self.expect_cursor_if_away().await?;
                let (run, after) = (&self.run, self.position());
                patiently(|| self.sink.changed(run, after)).await?;
            }
            let late = clock::now().saturating_duration_since(began) >= FAILOVER;
            self.asked = Some(clock::now());
            let entries = self.read(self.position(), self.limit).await?;
            // What was the end is waited at, and not read to find nothing.
            self.state = if entries.len() < self.limit { State::AtEnd } else { State::Reading };
            match self.cursor {
                // Woken for nothing: the store may have lost what this reader has seen.
                Some(cursor) if entries.is_empty() && woken => self.expect_cursor(cursor).await?,
                _ => self.check_entries(&entries, late).await?,
            }
            let Some(last) = entries.last() else { continue };
            let ended = self.is_end(last).await?;
            (self.cursor, self.seen) = (Some(last.id), Some(hash(last)));
            return Ok(Some(Page { entries, at_end: self.state == State::AtEnd, ended }));
        }
    }

    /// Whether an entry is the run's last event. One that cannot be read is an error of who reads it, in its order: here the
    /// store says whether something may follow.
    async fn is_end(&self, entry: &Entry) -> Result<bool> {
        match Event::decode(entry.id, &entry.payload) {
            Ok(event) => Ok(event.is_last()),
            Err(_) => Ok(self.head().await?.is_some_and(|head| is_over(&head, entry.id))),
        }
    }

    fn position(&self) -> u64 {
        self.cursor.map_or(0, |id| id.seq)
    }

    /// An empty page, if nothing follows the position that the reader was given.
    async fn check_cursor(&mut self) -> Result<Option<Page>> {
        let Some(cursor) = self.cursor else { return Ok(None) };
        self.expect_cursor(cursor).await?;
        let at_end = self.head().await?.filter(|head| head.last == cursor);
        Ok(at_end.map(|head| Page { entries: Vec::new(), at_end: true, ended: is_over(&head, cursor) }))
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
    async fn check_entries(&self, entries: &[Entry], late: bool) -> Result<()> {
        let (Some(first), expected) = (entries.first(), self.position() + 1) else { return Ok(()) };
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

    async fn head(&self) -> Result<Option<Head>, SinkError> {
        patiently(|| self.sink.head(&self.run)).await
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        patiently(|| self.sink.read(&self.run, after, limit)).await
    }
}

fn is_over(head: &Head, at: EventId) -> bool {
    head.status.is_ended() && head.last == at
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
