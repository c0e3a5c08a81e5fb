//! What a request is told that cannot be answered: a status, and JSON that says why.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use gensx_core::{Error, ErrorKind};
use serde::Serialize;

/// When to come back where something is full or does not answer, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// The result of a handler.
pub(crate) type Answer<T = Response> = Result<T, Problem>;

/// Why a request is not answered as it asks.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    body: Box<Body>,
}

#[derive(Debug, Serialize)]
struct Body {
    error: String,
    code: &'static str,
    /// Where in the request's body: JSON Pointers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    at: Vec<At>,
}

/// A place in a request's body that is wrong.
#[derive(Debug, Serialize)]
pub(crate) struct At {
    pub(crate) path: String,
    pub(crate) error: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        Self { status, body: Box::new(Body { error: error.into(), code, at: Vec::new() }) }
    }

    pub(crate) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", error)
    }

    pub(crate) fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", error)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The same for a run that is not there and for one that the caller may not know of.
    pub(crate) fn no_run(id: &str) -> Self {
        let shown: String = id.chars().take(gensx_core::MAX_RUN_ID_BYTES).collect();
        Self::not_found(format!("there is no run `{shown}`"))
    }

    pub(crate) fn too_many_readers(max: usize) -> Self {
        let text = format!("{max} streams are open, which is the limit: come back in a moment");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_readers", text)
    }

    pub(crate) fn with_places(mut self, at: Vec<At>) -> Self {
        self.body.at = at;
        self
    }
}

/// What a store says of itself is for its operators: it goes to the log, not to the caller.
fn unavailable(error: &Error) -> Problem {
    tracing::warn!(error = %format_args!("{error:#}"), "a request was not answered");
    let text = "the store of runs does not answer: come back in a moment";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code) = match error.kind() {
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            ErrorKind::Gone => (StatusCode::GONE, "gone"),
            ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, "invalid_input"),
            ErrorKind::Exists => (StatusCode::CONFLICT, "exists"),
            ErrorKind::Limit => (StatusCode::SERVICE_UNAVAILABLE, "limit"),
            ErrorKind::Sink | ErrorKind::Drained | ErrorKind::Fenced => return unavailable(&error),
            kind => {
                tracing::error!(error = %format_args!("{error:#}"), ?kind, "a request failed");
                let text = "this cannot be read or done: the server's log says why";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text);
            }
        };
        Self::new(status, code, format!("{error:#}"))
    }
}

impl From<gensx_core::SinkError> for Problem {
    fn from(error: gensx_core::SinkError) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
