//! Bodies of requests, read within their bounds.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use gensx_core::event::Json;

use crate::{api::Shared, clock::within, problem::Problem};

/// A body that is JSON, to the letter; `null` where there is none.
pub(crate) struct JsonBody(pub(crate) Json);

impl FromRequest<Shared> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, shared: &Shared) -> Result<Self, Problem> {
        expect_json(request.headers())?;
        read_json(request, shared).await.map(Self)
    }
}

/// The same of a client that does not say that it sends JSON. For routes that clients use which exist already: that the page
/// it comes from may do it is checked by its origin alone.
pub(crate) struct UnnamedJsonBody(pub(crate) Json);

impl FromRequest<Shared> for UnnamedJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, shared: &Shared) -> Result<Self, Problem> {
        read_json(request, shared).await.map(Self)
    }
}

async fn read_json(request: Request<Body>, shared: &Shared) -> Result<Json, Problem> {
    expect_size(request.headers(), shared.options.body_bytes)?;
    parse(&read(request, shared.options.body_time).await?)
}

/// Reads a body to its end, which is to come within a time.
pub(crate) async fn read(request: Request<Body>, time: Duration) -> Result<Bytes, Problem> {
    let bytes = within(time, Bytes::from_request(request, &())).await.ok_or_else(|| slow(time))?;
    bytes.map_err(unread)
}

fn slow(time: Duration) -> Problem {
    let text = format!("the body did not come within {} s", time.as_secs_f64());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", text)
}

/// What browsers send across sites without asking first is not JSON: so it is asked for by name.
fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json") {
        return Ok(());
    }
    let text = format!("the body is `{}`: send `application/json`", essence.escape_debug());
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", text))
}

/// One that is too large is refused before it is sent, where it says so.
fn expect_size(headers: &HeaderMap, max: usize) -> Result<(), Problem> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > max as u64) { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than is taken here")
}

fn parse(bytes: &[u8]) -> Result<Json, Problem> {
    let text = if bytes.iter().all(u8::is_ascii_whitespace) { b"null".as_slice() } else { bytes };
    serde_json::from_slice(text).map_err(|error| Problem::bad_request(format!("Invalid JSON: {error}")))
}

fn unread(rejection: BytesRejection) -> Problem {
    let response: Response = rejection.into_response();
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::bad_request("the body could not be read to its end"),
    }
}

/// The caller's own name for a request, which may be sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest one, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// The request's idempotency key, if it has one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=MAX_KEY_BYTES).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Problem::bad_request(format!(
            "`idempotency-key` has 1 to {MAX_KEY_BYTES} visible characters"
        ))),
    }
}
