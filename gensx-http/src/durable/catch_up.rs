//! A page of what a stream holds.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;

use super::{
    ask::{Ask, From},
    content::is_json,
    headers::{NO_STORE, Place, cache_control, set},
    store::{BEGINNING, Chunk, Start, Stat},
};

/// How many hexadecimal digits of a page's hash its tag has.
const TAG_DIGITS: usize = 16;

pub(super) fn answer(ask: &Ask, start: &Start, stat: &Stat, chunk: &Chunk, request: &HeaderMap) -> Response {
    let place = Place {
        next: &chunk.next,
        up_to_date: chunk.reaches(&stat.tail),
        closed: chunk.closed,
        cursor: None,
    };
    let mut headers = place.headers();
    let body = body(&stat.content_type, &chunk.messages);
    set(&mut headers, header::CONTENT_TYPE, &stat.content_type);
    if ask.from == From::Now {
        headers.extend([NO_STORE]);
        return (StatusCode::OK, headers, Body::from(body)).into_response();
    }
    let tag = tag(start, chunk, &body);
    set(&mut headers, header::ETAG, &tag);
    headers.extend([cache_control(stat.cacheable)]);
    if is_known(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (StatusCode::OK, headers, Body::from(body)).into_response()
}

/// The messages as one body: an array, where they are JSON.
pub(super) fn body(content_type: &str, messages: &[Bytes]) -> Bytes {
    if !is_json(content_type) {
        return if let [one] = messages { one.clone() } else { messages.concat().into() };
    }
    array(messages).into()
}

/// JSON values as an array.
pub(super) fn array(messages: &[Bytes]) -> Vec<u8> {
    let mut array = Vec::with_capacity(messages.iter().map(|message| message.len() + 1).sum::<usize>() + 2);
    array.push(b'[');
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            array.push(b',');
        }
        array.extend_from_slice(message);
    }
    array.push(b']');
    array
}

/// By what a page holds, so that what a store wrote anew under the same offsets has another one; and by whether it is the
/// end, which changes when a stream is closed.
fn tag(start: &Start, chunk: &Chunk, body: &[u8]) -> String {
    let from = match start {
        Start::Beginning => BEGINNING,
        Start::After(offset) => offset.as_str(),
    };
    let hash = blake3::hash(body).to_hex();
    let closed = if chunk.closed { ":c" } else { "" };
    format!("\"{}:{from}:{}{closed}\"", &hash[..TAG_DIGITS], chunk.next)
}

fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}
