//! Starting runs.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use gensx_core::{RunId, event::Json as RawJson};
use serde_json::json;

use super::Named;
use crate::{
    access::{Ask, Pass},
    api::Shared,
    body::{JsonBody, idempotency_key},
    clock::within,
    genx::{self, Format, Reading},
    plane::{Idempotency, Started},
    problem::Answer,
    protocol::Protocol,
    readers::Seat,
    runs,
};

/// Which run a start gave.
const EXECUTION_ID: HeaderName = HeaderName::from_static("x-execution-id");

/// `POST /workflows/{name}/start`: 202 when the run's start is durable; 200 if it was started before under the same key.
pub(super) async fn start(
    State(shared): State<Shared>,
    Path(Named { name }): Path<Named>,
    parts: Parts,
    JsonBody(input): JsonBody,
) -> Answer {
    let Started { run, existed } = begin(&shared, &parts, &name, &input).await?;
    let status = if existed { StatusCode::OK } else { StatusCode::ACCEPTED };
    // Relative to this request's own path, wherever the router is nested.
    let up = "../".repeat(parts.uri.path().matches('/').count().saturating_sub(1));
    let headers = [(header::LOCATION, format!("{up}runs/{run}")), (EXECUTION_ID, run.to_string())];
    let body = json!({ "executionId": run.as_str(), "executionStatus": "queued" });
    Ok((status, headers, Json(body)).into_response())
}

/// `POST /workflows/{name}`: starts a run and waits for its output, or, where that is asked for, gives its messages as they come.
pub(super) async fn run(
    State(shared): State<Shared>,
    Path(Named { name }): Path<Named>,
    parts: Parts,
    JsonBody(input): JsonBody,
) -> Answer {
    let seat = shared.readers.seat()?;
    let Started { run, .. } = begin(&shared, &parts, &name, &input).await?;
    // Who may start a run sees, in the same request, what it gives.
    let format = Format::exactly(&parts.headers).filter(|_| shared.options.speaks(Protocol::GenSx));
    let mut response = match format {
        Some(format) => {
            let (run, pass) = (run.clone(), Pass::Open);
            genx::answer(&shared, Reading { run, pass, seat, format, after: None }).await?
        }
        None => wait(&shared, &run, seat).await?,
    };
    if let Ok(id) = run.as_str().parse() {
        response.headers_mut().insert(EXECUTION_ID, id);
    }
    Ok(response)
}

/// How a run ended, or, when it takes too long, that it has not. It takes a reader's seat meanwhile.
async fn wait(shared: &Shared, run: &RunId, _seat: Seat) -> Answer {
    match within(shared.options.output_wait, ended(shared, run)).await {
        Some(response) => response,
        None => runs::end(shared, run).await,
    }
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
