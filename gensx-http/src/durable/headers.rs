//! The protocol's headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::store::{Cacheable, Offset};

pub(super) const NEXT_OFFSET: HeaderName = HeaderName::from_static("stream-next-offset");
const UP_TO_DATE: HeaderName = HeaderName::from_static("stream-up-to-date");
pub(super) const CLOSED: HeaderName = HeaderName::from_static("stream-closed");
const CURSOR: HeaderName = HeaderName::from_static("stream-cursor");
/// What says how an event stream holds content that is no text.
pub(super) const SSE_ENCODING: HeaderName = HeaderName::from_static("stream-sse-data-encoding");

pub(super) const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Where a reader stands after an answer.
pub(super) struct Place<'a> {
    pub(super) next: &'a Offset,
    pub(super) up_to_date: bool,
    pub(super) closed: bool,
    pub(super) cursor: Option<u64>,
}

impl Place<'_> {
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        set(&mut headers, NEXT_OFFSET, self.next.as_str());
        if self.up_to_date {
            headers.insert(UP_TO_DATE, TRUE);
        }
        if self.closed {
            headers.insert(CLOSED, TRUE);
        }
        if let Some(cursor) = self.cursor {
            set(&mut headers, CURSOR, &cursor.to_string());
        }
        headers
    }
}

/// Sets a header, unless the value cannot be one.
pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

pub(super) fn cache_control(cacheable: Cacheable) -> (HeaderName, HeaderValue) {
    let value = match cacheable {
        Cacheable::Revalidated => "private, no-cache",
        Cacheable::Minute => "private, max-age=60, stale-while-revalidate=300",
        Cacheable::Immutable => "private, max-age=31536000, immutable",
    };
    (header::CACHE_CONTROL, HeaderValue::from_static(value))
}

pub(super) const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
