//! A run's messages, as they come.

use std::{io, sync::Arc};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, future, stream};
use gensx_core::RunId;

use super::{Execution, answered::answered};
use crate::{
    access::{Action, Pass},
    api::Shared,
    open::{BLANK_LINE, COMMENT, Open, open},
    problem::{Answer, Problem},
    projection::{Frame, FrameId, Frames, genx::GenSx, project},
    query::Query,
    readers::Seat,
    runs,
};

const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

/// How messages are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Each on a line.
    Lines,
    /// Server-sent events.
    Events,
}

impl Format {
    /// What is asked for in so many words, and nothing else beside it.
    pub(crate) fn exactly(headers: &HeaderMap) -> Option<Self> {
        match accept(headers).trim() {
            LINES => Some(Self::Lines),
            EVENTS => Some(Self::Events),
            _ => None,
        }
    }

    /// Lines, unless events are asked for.
    fn of(headers: &HeaderMap) -> Self {
        if accept(headers).contains(EVENTS) { Self::Events } else { Self::Lines }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Lines => LINES,
            Self::Events => EVENTS,
        }
    }

    fn heartbeat(self) -> &'static [u8] {
        match self {
            Self::Lines => BLANK_LINE,
            Self::Events => COMMENT,
        }
    }

    /// A message as it is sent: with its id.
    fn write(self, frame: &Frame) -> String {
        let (id, rest) = (frame.id, frame.json.strip_prefix('{').unwrap_or(&frame.json));
        match self {
            Self::Lines => format!("{{\"id\":\"{id}\",{rest}\n"),
            Self::Events => format!("id: {id}\ndata: {{\"id\":\"{id}\",{rest}\n\n"),
        }
    }
}

fn accept(headers: &HeaderMap) -> &str {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default()
}

/// Who reads a run, from where, and how.
pub(crate) struct Reading {
    pub(crate) run: RunId,
    pub(crate) pass: Pass,
    pub(crate) seat: Seat,
    pub(crate) format: Format,
    pub(crate) after: Option<FrameId>,
}

/// `GET` or `POST /workflowExecutions/{id}/progress`.
pub(super) async fn progress(
    State(shared): State<Shared>,
    Path(Execution { id }): Path<Execution>,
    parts: Parts,
) -> Answer {
    let (run, pass) = runs::expect_run(&shared, &parts, &id, Action::Read).await?;
    let after = position(&parts)?;
    let head = shared.plane.head(&run).await?.ok_or_else(|| Problem::no_run(run.as_str()))?;
    if after.is_some_and(|after| after.event() > head.last) {
        let text = "`lastEventId` is past the last event of this run: read it from its beginning";
        return Err(Problem::new(StatusCode::GONE, "gone", text));
    }
    let seat = shared.readers.seat()?;
    let format = Format::of(&parts.headers);
    answer(&shared, Reading { run, pass, seat, format, after }).await
}

/// Opens the answer. What can be said by a status is said before.
pub(crate) async fn answer(shared: &Shared, reading: Reading) -> Answer {
    let Reading { run, pass, seat, format, after } = reading;
    let projection = GenSx::new(&run, answered(shared, &run).await?);
    let sink = Arc::clone(shared.plane.sink());
    let mut frames = Box::pin(project(sink, run, projection, after, shared.options.page_events));
    let first = match frames.next().await {
        Some(first) => first?,
        None => Frames { ended: true, ..Frames::default() },
    };
    if first.ended && first.frames.is_empty() && format == Format::Events && after.is_some() {
        // A browser that comes back at the end stays away then.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let rest = if first.ended { stream::empty().boxed() } else { frames.boxed() };
    let chunks = stream::once(future::ready(Ok(first))).chain(rest);
    let chunks = chunks.filter_map(move |frames| future::ready(chunk(format, frames)));
    Ok(respond(shared, chunks, format, seat, pass))
}

/// Frames that came together, if there are any.
fn chunk(format: Format, frames: gensx_core::Result<Frames>) -> Option<io::Result<Bytes>> {
    match frames {
        Ok(Frames { frames, .. }) if frames.is_empty() => None,
        Ok(Frames { frames, .. }) => {
            let text: String = frames.iter().map(|frame| format.write(frame)).collect();
            Some(Ok(text.into()))
        }
        // It is cut: who comes back is told why by the status.
        Err(error) => Some(Err(io::Error::other(error))),
    }
}

fn respond(
    shared: &Shared,
    chunks: impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static,
    format: Format,
    seat: Seat,
    pass: Pass,
) -> Response {
    let kind = HeaderValue::from_static(format.content_type());
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
    let open_for = Open {
        _seat: seat,
        heartbeat: shared.options.heartbeat,
        beat: format.heartbeat(),
        max_age: runs::shorter(shared.options.max_stream_age, pass),
    };
    open(chunks, headers, open_for)
}

/// The message behind which a reader begins, if it says: the query goes before the header.
fn position(parts: &Parts) -> Result<Option<FrameId>, Problem> {
    let query = Query::of(&parts.uri);
    let header = || parts.headers.get("last-event-id").and_then(|id| id.to_str().ok());
    match query.first("lastEventId").or_else(header) {
        None | Some("") => Ok(None),
        Some(id) => {
            let wrong = || Problem::bad_request("`lastEventId` is the `id` of a message of this run");
            id.parse().map(Some).map_err(|()| wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_streams_only_where_that_is_asked_for_exactly() {
        let exactly = |text: &'static str| {
            Format::exactly(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(text))]))
        };
        assert_eq!(exactly("application/x-ndjson"), Some(Format::Lines));
        assert_eq!(exactly("text/event-stream"), Some(Format::Events));
        for other in ["*/*", "application/json", "text/event-stream, */*", ""] {
            assert_eq!(exactly(other), None, "{other}");
        }
    }
}
