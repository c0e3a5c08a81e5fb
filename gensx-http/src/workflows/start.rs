//! Starting runs.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use gensx_core::{RunId, event::Json as RawJson};
use serde_json::json;

use crate::{
    access::Ask,
    api::Shared,
    body::{JsonBody, idempotency_key},
    clock::within,
    plane::{Idempotency, Started},
    problem::Answer,
    runs,
};

/// Which run a start gave.
const EXECUTION_ID: HeaderName = HeaderName::from_static("x-execution-id");

/// `POST /workflows/{name}/start`: 202 when the run's start is durable; 200 if it was started before under the same key.
pub(super) async fn start(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    parts: Parts,
    JsonBody(input): JsonBody,
) -> Answer {
    let Started { run, existed } = begin(&shared, &parts, &name, &input).await?;
    let status = if existed { StatusCode::OK } else { StatusCode::ACCEPTED };
    // Relative to this request's own path, wherever the router is nested.
    let headers = [(header::LOCATION, format!("../../runs/{run}")), (EXECUTION_ID, run.to_string())];
    let body = json!({ "executionId": run.as_str(), "executionStatus": "queued" });
    Ok((status, headers, Json(body)).into_response())
}

/// `POST /workflows/{name}`: starts a run and waits for its output.
pub(super) async fn run(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    parts: Parts,
    JsonBody(input): JsonBody,
) -> Answer {
    let seat = shared.readers.seat()?;
    let Started { run, .. } = begin(&shared, &parts, &name, &input).await?;
    // Whoever waits sees the output: so it is asked whether they may.
    let mut response = match within(shared.options.output_wait, ended(&shared, &run)).await {
        Some(response) => response?,
        None => runs::end(&shared, &run).await?,
    };
    drop(seat);
    if let Ok(id) = run.as_str().parse() {
        response.headers_mut().insert(EXECUTION_ID, id);
    }
    Ok(response)
}

/// Checks who asks and what is given, and starts the run.
pub(crate) async fn begin(
    shared: &Shared,
    parts: &Parts,
    workflow: &str,
    input: &RawJson,
) -> Answer<Started> {
    shared.access.expect(parts, Ask::to_start(workflow)).await?;
    if let Some(described) = shared.catalogue.get(workflow)? {
        described.check(input)?;
    }
    let key = idempotency_key(&parts.headers)?;
    let idempotency = key.map(|key| Idempotency { key: key.to_owned(), ttl: shared.options.idempotency });
    Ok(shared.plane.start(workflow, input, idempotency).await?)
}

async fn ended(shared: &Shared, run: &RunId) -> Answer<Response> {
    shared.plane.wait(run).await?;
    runs::end(shared, run).await
}
