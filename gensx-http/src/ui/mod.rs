//! The AI SDK's UI message stream: runs as the answers of a chat.

mod chat;
mod find;
mod parts;
mod same;
mod start;
mod stream;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use gensx_core::RunId;
use serde::Deserialize;
use serde_json::json;

use self::{
    find::{find, find_active},
    stream::{From, Reading, answer},
};
use crate::{
    access::Action,
    api::Shared,
    problem::{Answer, Problem},
    query::Query,
    runs,
};

/// Which run a chat's answer is.
const RUN_ID: HeaderName = HeaderName::from_static("x-workflow-run-id");

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/ui/{workflow}", post(start::stream))
        .route("/ui/{workflow}/{chat}/stream", get(resume))
        .route("/ui/{workflow}/{chat}/stop", post(stop))
        .route("/ui/{workflow}/parts", post(start::parts))
        .route("/ui/{workflow}/parts/{chat}/stream", get(resume_parts))
        .route("/ui/{workflow}/parts/{chat}/stop", post(stop))
        .route("/runs/{id}/ui", get(run))
        .route("/runs/{id}/ui/parts", get(parts::parts))
}

#[derive(Deserialize)]
struct Workflow {
    workflow: String,
}

/// A chat, by its own id or by that of a run of it.
#[derive(Deserialize)]
struct Chat {
    workflow: String,
    chat: String,
}

#[derive(Deserialize)]
struct Run {
    id: String,
}

/// `GET /runs/{id}/ui`: any run.
async fn run(State(shared): State<Shared>, Path(Run { id }): Path<Run>, parts: Parts) -> Answer {
    let (run, pass) = runs::expect_run(&shared, &parts, &id, Action::Read).await?;
    let from = From::of(&parts)?;
    shared.plane.head(&run).await?.ok_or_else(|| Problem::no_run(run.as_str()))?;
    let seat = shared.readers.seat()?;
    answer(&shared, Reading { run, pass, seat, from }).await
}

/// `GET /ui/{workflow}/{chat}/stream`: 204 where nothing is being answered. Whoever says from where it reads has a run before
/// it, and gets the rest of that also when it has ended.
async fn resume(State(shared): State<Shared>, Path(chat): Path<Chat>, parts: Parts) -> Answer {
    let from = From::of(&parts)?;
    let counts = Query::of(&parts.uri).first("startIndex").is_some();
    let found = if counts {
        find(&shared, &parts, &chat, Action::Read).await?
    } else {
        find_active(&shared, &parts, &chat, Action::Read).await?
    };
    match found {
        Some(found) => {
            let seat = shared.readers.seat()?;
            answer(&shared, Reading { run: found.run, pass: found.pass, seat, from }).await
        }
        None if counts => Err(Problem::not_found("there is no such run, and no such chat")),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// `GET /ui/{workflow}/parts/{chat}/stream`: where the parts of what is being answered are read.
async fn resume_parts(State(shared): State<Shared>, Path(chat): Path<Chat>, parts: Parts) -> Answer {
    Ok(match find_active(&shared, &parts, &chat, Action::Read).await? {
        Some(found) => location(&shared, &parts, StatusCode::OK, &found.run),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `POST /ui/{workflow}/{chat}/stop`: 202 when the wish is durable; 204 where nothing is being answered.
async fn stop(State(shared): State<Shared>, Path(chat): Path<Chat>, parts: Parts) -> Answer {
    let Some(found) = find_active(&shared, &parts, &chat, Action::Cancel).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    shared.plane.cancel(&found.run).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Where a run's parts are read, for clients that are sent there.
fn location(shared: &Shared, parts: &Parts, status: StatusCode, run: &RunId) -> Response {
    // Relative to this request's own path, wherever the router is nested.
    let up = "../".repeat(parts.uri.path().matches('/').count().saturating_sub(1));
    let token = shared.access.token_for(run).map(|token| format!("?token={token}")).unwrap_or_default();
    let url = format!("{up}runs/{run}/ui/parts{token}");
    let headers = [
        (header::LOCATION, url.clone()),
        (RUN_ID, run.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (status, headers, Json(json!({ "streamUrl": url }))).into_response()
}

/// Says which run an answer is of.
fn name_run(mut response: Response, run: &RunId) -> Response {
    if let Ok(run) = HeaderValue::from_str(run.as_str()) {
        response.headers_mut().insert(RUN_ID, run);
    }
    response
}
