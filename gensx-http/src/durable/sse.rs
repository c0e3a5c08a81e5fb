//! A stream that stays open.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{StreamExt as _, future, stream};
use serde::Serialize;

use super::{
    catch_up::array,
    content::{essence, is_json},
    cursor,
    headers::{SSE_ENCODING, set},
    serve::Live,
    store::{Chunk, Offset},
};
use crate::open::{BLANK_LINE, COMMENT, Open, open};

/// When a browser comes back after its connection was cut, in milliseconds.
const RETRY_MS: u32 = 1_000;
/// The same at the end of a stream: never.
const RETRY_NEVER_MS: u32 = i32::MAX as u32;

/// How the content of a stream becomes lines of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encoding {
    Json,
    Text,
    Base64,
}

impl Encoding {
    fn of(content_type: &str) -> Self {
        if is_json(content_type) {
            Self::Json
        } else if essence(content_type).to_ascii_lowercase().starts_with("text/") {
            Self::Text
        } else {
            Self::Base64
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Control<'a> {
    stream_next_offset: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_cursor: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    up_to_date: bool,
    #[serde(skip_serializing_if = "is_false")]
    stream_closed: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Events, each with what came and where the reader now stands.
pub(super) fn answer(live: Live, first: Chunk) -> Response {
    let encoding = Encoding::of(&live.stat.content_type);
    let (sent, tail) = (live.ask.cursor.clone(), live.stat.tail.clone());
    let begin = Bytes::from(format!("retry: {RETRY_MS}\n: stream\n\n"));
    let frame = move |chunk: &Chunk| frame(encoding, chunk, &tail, sent.as_deref());
    let mut response = respond(live, first, begin, COMMENT, frame, "text/event-stream");
    if encoding == Encoding::Base64 {
        response.headers_mut().insert(SSE_ENCODING, HeaderValue::from_static("base64"));
    }
    response
}

/// A line for each message.
pub(super) fn lines(live: Live, first: Chunk) -> Response {
    let frame = |chunk: &Chunk| {
        let mut lines = Vec::new();
        for message in &chunk.messages {
            lines.extend_from_slice(message);
            lines.push(b'\n');
        }
        lines
    };
    respond(live, first, Bytes::new(), BLANK_LINE, frame, "application/x-ndjson")
}

fn respond(
    live: Live,
    first: Chunk,
    begin: Bytes,
    beat: &'static [u8],
    mut frame: impl FnMut(&Chunk) -> Vec<u8> + Send + 'static,
    content_type: &str,
) -> Response {
    let Live { chunks, limits, seat, ask, .. } = live;
    let rest = if first.closed { stream::empty().boxed() } else { chunks };
    let chunks = stream::once(future::ready(Ok(first))).chain(rest);
    let closed = Arc::new(AtomicBool::new(ask.knows_ends));
    let closes = Arc::clone(&closed);
    let frames = chunks.map(move |chunk| match chunk {
        Ok(chunk) => {
            closes.fetch_or(chunk.closed, Ordering::Relaxed);
            Ok(Bytes::from(frame(&chunk)))
        }
        // It is cut: the reader comes back, and is told why by the status.
        Err(error) => Err(io::Error::other(format!("{error:?}"))),
    });
    let begin = stream::iter((!begin.is_empty()).then_some(Ok(begin)));
    let mut headers = HeaderMap::new();
    set(&mut headers, header::CONTENT_TYPE, content_type);
    let open_for = Open { _seat: seat, heartbeat: limits.heartbeat, beat, max_age: limits.max_age };
    open(begin.chain(frames), headers, open_for).map(|body| cut_unless(closed, body))
}

/// Ends an answer that grew too old by cutting it: readers of lines, and `fetch-event-source`, take an end for the stream's.
fn cut_unless(closed: Arc<AtomicBool>, body: Body) -> Body {
    let end = stream::once(async move { closed.load(Ordering::Relaxed) }).filter_map(|closed| {
        let cut = (!closed).then(|| Err(axum::Error::new(io::Error::other("the answer is cut: come back"))));
        future::ready(cut)
    });
    Body::from_stream(body.into_data_stream().chain(end))
}

/// What came, if anything did, and the place behind it, in one piece: clients read both together.
///
/// The id is the last line of each event: `fetch-event-source` goes on from an id as soon as it has read that line, and would
/// miss an event that is cut between its id and its data.
fn frame(encoding: Encoding, chunk: &Chunk, tail: &Offset, sent: Option<&str>) -> Vec<u8> {
    let mut frame = Vec::new();
    let id = chunk.next.as_str();
    if !chunk.messages.is_empty() {
        frame.extend_from_slice(b"event: data\n");
        data(&mut frame, encoding, &chunk.messages);
        frame.extend_from_slice(format!("id: {id}\n\n").as_bytes());
    }
    let control = Control {
        stream_next_offset: id,
        stream_cursor: (!chunk.closed).then(|| cursor::now(sent).to_string()),
        up_to_date: chunk.reaches(tail),
        stream_closed: chunk.closed,
    };
    let control = serde_json::to_string(&control).unwrap_or_default();
    let retry = if chunk.closed { format!("retry: {RETRY_NEVER_MS}\n") } else { String::new() };
    frame.extend_from_slice(format!("event: control\ndata:{control}\n{retry}id: {id}\n\n").as_bytes());
    frame
}

fn data(frame: &mut Vec<u8>, encoding: Encoding, messages: &[Bytes]) {
    let content = match encoding {
        Encoding::Json => array(messages),
        Encoding::Text => messages.concat(),
        Encoding::Base64 => BASE64_STANDARD.encode(messages.concat()).into_bytes(),
    };
    for line in lines_of(&content) {
        // A reader takes away one space that stands here: so it is written only where it protects another one.
        let field: &[u8] = if line.starts_with(b" ") { b"data: " } else { b"data:" };
        frame.extend_from_slice(field);
        frame.extend_from_slice(line);
        frame.push(b'\n');
    }
}

/// Lines, whichever of the three ends each has: an event's data must not end the event.
fn lines_of(content: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = content;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        let (line, end) = rest.split_at(at);
        lines.push(line);
        rest = if end.starts_with(b"\r\n") { &end[2..] } else { &end[1..] };
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(messages: &[&'static str], closed: bool) -> Chunk {
        let messages = messages.iter().map(|message| Bytes::from_static(message.as_bytes())).collect();
        Chunk { messages, next: Offset::new("a_2").unwrap(), at_end: closed, closed }
    }

    #[test]
    fn data_is_followed_by_its_place() {
        let tail = Offset::new("a_2").unwrap();
        let frame = frame(Encoding::Json, &chunk(&["1", "{}"], true), &tail, None);
        let expected = "event: data\ndata:[1,{}]\nid: a_2\n\nevent: control\n\
            data:{\"streamNextOffset\":\"a_2\",\"upToDate\":true,\"streamClosed\":true}\nretry: 2147483647\nid: a_2\n\n";
        assert_eq!(String::from_utf8(frame).unwrap(), expected);
    }

    #[test]
    fn a_full_page_at_the_tail_is_everything() {
        let says = |tail: &str| {
            let frame = frame(Encoding::Json, &chunk(&["1"], false), &Offset::new(tail).unwrap(), None);
            String::from_utf8(frame).unwrap().contains("\"upToDate\":true")
        };
        assert!(says("a_2"));
        assert!(!says("a_1") && !says("a_3"), "more may be there already");
    }

    #[test]
    fn no_content_ends_an_event() {
        let content = "a\r\nevent: control\rdata: x\n\n id: 7";
        let mut frame = Vec::new();
        data(&mut frame, Encoding::Text, &[Bytes::from_static(content.as_bytes())]);
        let text = String::from_utf8(frame).unwrap();
        assert_eq!(text, "data:a\ndata:event: control\ndata:data: x\ndata:\ndata:  id: 7\n");
    }

    #[test]
    fn what_is_no_text_is_base64() {
        let kinds = ["application/json; charset=utf-8", "text/plain", "application/octet-stream"];
        assert_eq!(kinds.map(Encoding::of), [Encoding::Json, Encoding::Text, Encoding::Base64]);
    }
}
