//! The search of a crawl's pages, over HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router, routing::get};
use gensx::sink::MAX_PAGE;
use gensx::{Backend, Event, RunId, SinkError, SinkErrorKind};
use serde::Deserialize;
use serde_json::json;

use crate::library::Library;

/// Crawls that are kept ready. Another one is read from its stream again.
const MAX_READY: usize = 16;
/// Characters of a query.
const MAX_QUERY_CHARS: usize = 200;

/// `GET /search/{run}?q=WORDS`: the pages that fit, among those that are summed up so far.
pub(crate) fn routes(backend: Backend) -> Router {
    let desk = Arc::new(Desk { backend, ready: Mutex::default() });
    Router::new().route("/search/{run}", get(search)).with_state(desk)
}

struct Desk {
    backend: Backend,
    /// The last one was used last.
    ready: Mutex<Vec<(RunId, Arc<tokio::sync::Mutex<Shelf>>)>>,
}

/// A crawl's library, and how much of the stream is in it.
#[derive(Default)]
struct Shelf {
    library: Library,
    seq: u64,
}

#[derive(Deserialize)]
struct Asked {
    q: String,
}

async fn search(
    State(desk): State<Arc<Desk>>,
    Path(run): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let Ok(run) = run.parse::<RunId>() else { return refused(StatusCode::NOT_FOUND, "no such crawl") };
    if asked.q.chars().count() > MAX_QUERY_CHARS {
        return refused(StatusCode::BAD_REQUEST, "the query is too long");
    }
    let shelf = desk.shelf(&run);
    let mut shelf = shelf.lock().await;
    match shelf.catch_up(&desk.backend, &run).await {
        Ok(()) => {
            let pages = shelf.library.pages();
            let hits = shelf.library.search(&asked.q);
            ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "pages": pages, "hits": hits })))
                .into_response()
        }
        Err(error) if error.kind() == SinkErrorKind::NotFound => {
            refused(StatusCode::NOT_FOUND, "no such crawl")
        }
        Err(error) => {
            eprintln!("search: {error}");
            refused(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer, try again")
        }
    }
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

impl Desk {
    fn shelf(&self, run: &RunId) -> Arc<tokio::sync::Mutex<Shelf>> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ready.iter().position(|(of, _)| of == run).map(|at| ready.remove(at));
        let used = known.unwrap_or_else(|| (run.clone(), Arc::default()));
        let shelf = Arc::clone(&used.1);
        ready.push(used);
        if ready.len() > MAX_READY {
            ready.remove(0);
        }
        shelf
    }
}

impl Shelf {
    /// Takes in what the stream has got since.
    async fn catch_up(&mut self, backend: &Backend, run: &RunId) -> Result<(), SinkError> {
        loop {
            let page = backend.sink().read(run, self.seq, MAX_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            for entry in &page {
                // An event of a newer program may be unreadable here: the others are not.
                if let Ok(event) = Event::decode(entry.id, &entry.payload) {
                    self.library.apply(&event);
                }
            }
            self.seq = last.id.seq;
        }
    }
}
