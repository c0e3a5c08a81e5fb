//! A small OpenAI-compatible model server, for machines that have none: real HTTP on a free port of this machine, chat
//! completions plain and streamed, usage, and the faults of a real provider on demand.

mod answer;
pub(crate) mod faults;
mod log;
mod wire;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream;
use serde_json::Value;

use self::faults::Fault;
use self::log::{Entry, Log};
use self::wire::ChatRequest;

/// Header of a request that names the run it belongs to.
pub(crate) const RUN_HEADER: &str = "x-blog-run";
/// Header of a request that names what it is for.
pub(crate) const STAGE_HEADER: &str = "x-blog-stage";
/// Header of a request by which a provider recognises its repetition.
pub(crate) const KEY_HEADER: &str = "idempotency-key";

/// A prompt holds a dozen passages; an article with all its sections is far below this.
const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// Between two pieces of a streamed answer, unless the settings say otherwise: as fast as a quick model.
const CHUNK_PACE: Duration = Duration::from_millis(6);
/// Before a plain answer: as long as a quick model thinks.
const ANSWER_PACE: Duration = Duration::from_millis(150);

/// How the server behaves.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Faults, chosen by this seed.
    pub(crate) flaky_seed: Option<u64>,
    /// Where every request is noted.
    pub(crate) log: Option<PathBuf>,
    /// The wait between two pieces of a streamed answer.
    pub(crate) pace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { flaky_seed: None, log: None, pace: CHUNK_PACE }
    }
}

struct Shared {
    flaky_seed: Option<u64>,
    pace: Duration,
    log: Option<Log>,
    /// How often each question was asked: a fault is chosen for a try, and tries end after a few.
    asked: Mutex<HashMap<String, u32>>,
}

/// Starts the server on a free port, in a task that lives as long as the runtime.
///
/// # Errors
/// When the log cannot be opened or no port can be had.
pub(crate) async fn start(settings: Settings) -> io::Result<SocketAddr> {
    let log = settings.log.as_deref().map(Log::open).transpose()?;
    let shared = Arc::new(Shared {
        flaky_seed: settings.flaky_seed,
        pace: settings.pace,
        log,
        asked: Mutex::default(),
    });
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/v1/chat/completions", post(chat))
        .fallback(|| async {
            refused(StatusCode::NOT_FOUND, "only POST /v1/chat/completions is served here")
        })
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(shared);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn chat(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let request: ChatRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            return refused(StatusCode::BAD_REQUEST, &format!("not a chat completions request: {error}"));
        }
    };
    let fault = shared.next_fault(request.question());
    if let Err(error) = shared.note(&headers, &request, fault) {
        return refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the request log cannot be written: {error}"),
        );
    }
    match fault {
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::Throttled { retry_after_seconds }) => return throttled(retry_after_seconds),
        Some(Fault::Failed) => return refused(StatusCode::INTERNAL_SERVER_ERROR, "the model fell over"),
        Some(Fault::Cut { .. } | Fault::BrokenJson) | None => {}
    }
    let answer = answer::to(request.question());
    if request.stream {
        streamed(&request, &answer, fault, shared.pace)
    } else {
        tokio::time::sleep(ANSWER_PACE).await;
        plain(&wire::completion(&request, &answer), fault, shared.pace)
    }
}

impl Shared {
    fn next_fault(&self, question: &str) -> Option<Fault> {
        let seed = self.flaky_seed?;
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let nth = asked.entry(question.to_owned()).or_insert(0);
        let fault = faults::choose(seed, question, *nth);
        *nth += 1;
        fault
    }

    fn note(&self, headers: &HeaderMap, request: &ChatRequest, fault: Option<Fault>) -> io::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        log.append(&Entry {
            run: header(RUN_HEADER),
            stage: header(STAGE_HEADER),
            key: header(KEY_HEADER),
            stream: request.stream,
            status: fault.map_or(200, Fault::status),
            fault: fault.map(Fault::name),
        })
    }
}

/// An answer in one piece.
fn plain(completion: &Value, fault: Option<Fault>, pace: Duration) -> Response {
    let text = completion.to_string();
    let json = [(header::CONTENT_TYPE, "application/json")];
    match fault {
        Some(Fault::Cut { at_percent }) => {
            // The cut may fall into a character.
            let part =
                String::from_utf8_lossy(&text.as_bytes()[..text.len() * at_percent / 100]).into_owned();
            (json, paced(vec![Ok(part), cut()], pace)).into_response()
        }
        Some(Fault::BrokenJson) => {
            (json, text.replacen("\"choices\":[", "\"choices\":[,", 1)).into_response()
        }
        _ => (json, text).into_response(),
    }
}

/// An answer as server-sent events, at a model's pace.
fn streamed(request: &ChatRequest, answer: &str, fault: Option<Fault>, pace: Duration) -> Response {
    let mut events: Vec<io::Result<String>> = wire::chunks(request, answer).into_iter().map(Ok).collect();
    match fault {
        Some(Fault::Cut { at_percent }) => {
            events.truncate(events.len() * at_percent / 100);
            events.push(cut());
        }
        Some(Fault::BrokenJson) => {
            let middle = events.len() / 2;
            events.insert(middle, Ok("data: {\"choices\":[{\"delta\":\n\n".to_owned()));
        }
        _ => {}
    }
    ([(header::CONTENT_TYPE, "text/event-stream")], paced(events, pace)).into_response()
}

/// What ends a body without its end mark: the server drops the connection.
fn cut() -> io::Result<String> {
    Err(io::Error::other("cut"))
}

/// A body in pieces. The pause before each lets the pieces before it reach the client.
fn paced(pieces: Vec<io::Result<String>>, pace: Duration) -> Body {
    Body::from_stream(stream::unfold(pieces.into_iter(), move |mut pieces| async move {
        let piece = pieces.next()?;
        tokio::time::sleep(pace).await;
        Some((piece, pieces))
    }))
}

fn throttled(retry_after_seconds: u64) -> Response {
    let mut response = refused(StatusCode::TOO_MANY_REQUESTS, "too many requests, come back later");
    response.headers_mut().insert(header::RETRY_AFTER, retry_after_seconds.into());
    response
}

fn refused(status: StatusCode, message: &str) -> Response {
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    (status, axum::Json(wire::error(kind, message))).into_response()
}

#[cfg(test)]
mod tests;
