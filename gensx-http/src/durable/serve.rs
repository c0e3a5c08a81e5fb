//! One request to one stream.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;

use super::{
    ask::{Ask, From, Mode, ask},
    catch_up,
    headers::{NO_STORE, Place, set},
    long_poll, sse,
    store::{Chunk, Chunks, Start, Stat, StoreError, StreamStore},
};
use crate::{
    problem::{Answer, Problem},
    readers::{Readers, Seat},
};

/// The bounds of reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) page: usize,
    pub(crate) long_poll: Duration,
    pub(crate) heartbeat: Duration,
    /// After how long an open stream is ended, for its reader to come back.
    pub(crate) max_age: Option<Duration>,
}

/// A request to read a stream.
pub(crate) struct Reading<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) limits: Limits,
    pub(crate) readers: &'a Readers,
}

/// An open stream: what comes, how it is said, and the reader's seat.
pub(super) struct Live {
    pub(super) chunks: Chunks,
    pub(super) stat: Stat,
    pub(super) ask: Ask,
    pub(super) limits: Limits,
    pub(super) seat: Seat,
}

/// Answers it.
pub(crate) async fn serve<S: StreamStore + ?Sized>(
    store: &Arc<S>,
    stream: &str,
    request: Reading<'_>,
) -> Answer {
    let ask = ask(request.uri, request.headers).map_err(Problem::bad_request)?;
    let stat = store.stat(stream).await?;
    if request.method == Method::HEAD {
        return Ok(head(&stat));
    }
    let start = match &ask.from {
        From::Start(start) => start.clone(),
        From::Now => Start::After(stat.tail.clone()),
    };
    let mut chunks = store.chunks(stream, start.clone(), request.limits.page);
    match ask.mode {
        Mode::CatchUp => {
            let chunk = first(&mut chunks, &stat).await?;
            Ok(catch_up::answer(&ask, &start, &stat, &chunk, request.headers))
        }
        Mode::LongPoll => {
            let seat = request.readers.seat()?;
            long_poll::answer(Live { chunks, stat, ask, limits: request.limits, seat }).await
        }
        Mode::Sse | Mode::Lines => {
            let seat = request.readers.seat()?;
            let mode = ask.mode;
            // Whatever is wrong with the position is said by the status, which the first chunk waits for.
            let chunk = first(&mut chunks, &stat).await?;
            if ask.returns && chunk.closed && chunk.messages.is_empty() {
                // A browser that came back stays away then.
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
            let live = Live { chunks, stat, ask, limits: request.limits, seat };
            Ok(if mode == Mode::Sse { sse::answer(live, chunk) } else { sse::lines(live, chunk) })
        }
    }
}

/// The first chunk, which every stream has.
pub(super) async fn first(chunks: &mut Chunks, stat: &Stat) -> Result<Chunk, StoreError> {
    match chunks.next().await {
        Some(chunk) => chunk,
        None => {
            Ok(Chunk { messages: Vec::new(), next: stat.tail.clone(), at_end: true, closed: stat.closed })
        }
    }
}

fn head(stat: &Stat) -> Response {
    let place = Place { next: &stat.tail, up_to_date: false, closed: stat.closed, cursor: None };
    let mut headers = place.headers();
    set(&mut headers, header::CONTENT_TYPE, &stat.content_type);
    for (name, value) in &stat.headers {
        set(&mut headers, HeaderName::from_static(name), value);
    }
    headers.extend([NO_STORE]);
    (StatusCode::OK, headers).into_response()
}

impl std::convert::From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found("there is no such stream"),
            StoreError::Gone(text) => Self::new(StatusCode::GONE, "gone", text),
            StoreError::BadOffset(text) => Self::bad_request(text),
            StoreError::Failed(error) => error.into(),
        }
    }
}
