//! Answers that stay open: heartbeats, an end after a while, and a seat among the readers.

use std::{
    io,
    pin::pin,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use crate::{
    clock::{self, within},
    readers::Seat,
};

/// A heartbeat of event streams.
pub(crate) const COMMENT: &[u8] = b": \n\n";
/// A heartbeat of lines.
pub(crate) const BLANK_LINE: &[u8] = b"\n";

/// How an answer stays open.
pub(crate) struct Open {
    /// Held until the answer ends.
    pub(crate) _seat: Seat,
    /// After how long without anything else a heartbeat comes.
    pub(crate) heartbeat: Duration,
    pub(crate) beat: &'static [u8],
    /// After how long it ends, whatever comes.
    pub(crate) max_age: Option<Duration>,
}

struct Opened<S> {
    frames: S,
    open: Open,
    ends: Option<Instant>,
}

/// An answer that is open until its frames end. An error of theirs cuts the connection, which a reader can tell from an end.
pub(crate) fn open<S>(frames: S, mut headers: HeaderMap, open: Open) -> Response
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let ends = open.max_age.and_then(|age| clock::now().checked_add(age));
    let opened = Opened { frames: Box::pin(frames), open, ends };
    let body = stream::unfold(opened, |mut opened| async move { Some((opened.next().await?, opened)) });
    (StatusCode::OK, headers, Body::from_stream(body)).into_response()
}

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> Opened<S> {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let left = self.ends.map(|ends| ends.saturating_duration_since(clock::now()));
        if left == Some(Duration::ZERO) {
            return None;
        }
        let patience = left.map_or(self.open.heartbeat, |left| left.min(self.open.heartbeat));
        let next = pin!(self.frames.next());
        match within(patience, next).await {
            Some(frame) => frame,
            None => Some(Ok(Bytes::from_static(self.open.beat))),
        }
    }
}

/// The same frames, cut with an error after a while: for readers that take an end for the end of what they read.
pub(crate) fn cut<S>(frames: S, after: Option<Duration>) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let ends = after.and_then(|after| clock::now().checked_add(after));
    stream::unfold(Some(Box::pin(frames)), move |frames| async move {
        let mut frames = frames?;
        let next = match ends {
            None => Some(frames.next().await),
            Some(ends) => within(ends.saturating_duration_since(clock::now()), frames.next()).await,
        };
        match next {
            Some(frame) => Some((frame?, Some(frames))),
            None => Some((Err(io::Error::other("the time for which this was open is over")), None)),
        }
    })
}
