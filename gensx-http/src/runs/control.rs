//! What is asked of a run: to take a message, to end, to begin anew, to be forgotten.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header, request::Parts},
    response::IntoResponse as _,
};
use gensx_core::RunId;
use serde_json::json;

use super::{Named, NamedInput, expect_run, unknown_alike};
use crate::{
    access::Action,
    api::Shared,
    body::{JsonBody, idempotency_key},
    problem::{Answer, Problem},
};

/// The longest name of an input, in bytes.
const MAX_INPUT_NAME_BYTES: usize = 256;
/// What names begin with that are the library's own.
const RESERVED: &str = "gensx.";

/// `POST /runs/{id}/input/{name}`: 202 when the message is durable.
pub(super) async fn input(
    State(shared): State<Shared>,
    Path(NamedInput { id, name }): Path<NamedInput>,
    parts: Parts,
    JsonBody(value): JsonBody,
) -> Answer {
    let (run, _) = expect_run(&shared, &parts, &id, Action::Input).await?;
    send(&shared, &run, &name, &value, idempotency_key(&parts.headers)?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Puts a message into a run's inbox.
pub(crate) async fn send(
    shared: &Shared,
    run: &RunId,
    name: &str,
    value: &gensx_core::event::Json,
    id: Option<&str>,
) -> Result<(), Problem> {
    if name.is_empty() || name.len() > MAX_INPUT_NAME_BYTES || name.starts_with(RESERVED) {
        let text = format!(
            "no input can have this name: use 1 to {MAX_INPUT_NAME_BYTES} bytes, not beginning with `{RESERVED}`"
        );
        return Err(Problem::bad_request(text));
    }
    let head = shared.plane.head(run).await?;
    if head.is_some_and(|head| head.status.is_ended()) {
        return Err(ended(run));
    }
    shared.plane.send(run, name, value, id).await.map_err(|error| unknown_alike(run, error))
}

fn ended(run: &RunId) -> Problem {
    Problem::new(StatusCode::CONFLICT, "ended", format!("run `{run}` has ended: it takes no more messages"))
}

/// `POST /runs/{id}/cancel`: 202 when the wish is durable, also for a run that has ended.
pub(super) async fn cancel(
    State(shared): State<Shared>,
    Path(Named { id }): Path<Named>,
    parts: Parts,
) -> Answer {
    let (run, _) = expect_run(&shared, &parts, &id, Action::Cancel).await?;
    shared.plane.cancel(&run).await.map_err(|error| unknown_alike(&run, error))?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `POST /runs/{id}/retry`: 201 with the new run.
pub(super) async fn retry(
    State(shared): State<Shared>,
    Path(Named { id }): Path<Named>,
    parts: Parts,
) -> Answer {
    let (run, _) = expect_run(&shared, &parts, &id, Action::Retry).await?;
    let next = shared.plane.retry(&run).await.map_err(|error| unknown_alike(&run, error))?;
    // Relative to this request's own path, wherever the router is nested.
    let headers = [(header::LOCATION, format!("../{next}"))];
    Ok((StatusCode::CREATED, headers, Json(json!({ "id": next.as_str() }))).into_response())
}

/// `DELETE /runs/{id}`: 204 when it is gone.
pub(super) async fn delete(
    State(shared): State<Shared>,
    Path(Named { id }): Path<Named>,
    parts: Parts,
) -> Answer {
    let (run, _) = expect_run(&shared, &parts, &id, Action::Delete).await?;
    match shared.plane.head(&run).await? {
        None => return Err(Problem::no_run(run.as_str())),
        Some(head) if !head.status.is_ended() => {
            let text = format!("run `{run}` has not ended: cancel it, and delete it when it has");
            return Err(Problem::new(StatusCode::CONFLICT, "running", text));
        }
        Some(_) => shared.plane.delete(&run).await.map_err(|error| unknown_alike(&run, error))?,
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
