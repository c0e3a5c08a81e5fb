//! How a run stands, and what it gave.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header, request::Parts},
    response::IntoResponse as _,
};
use gensx_core::{Event, EventKind, RunId, RunStatus, sink::MAX_PAGE};
use serde_json::json;

use super::{Named, expect_run, summary::Summary};
use crate::{
    access::Action,
    api::Shared,
    problem::{Answer, Problem},
};

/// `GET /runs/{id}`: by its stream as it stands.
pub(super) async fn show(
    State(shared): State<Shared>,
    Path(Named { id }): Path<Named>,
    parts: Parts,
) -> Answer {
    let (run, _) = expect_run(&shared, &parts, &id, Action::Read).await?;
    let summary = summary(&shared, &run).await?;
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(summary)).into_response())
}

/// Reads a run to where it stands now. What is appended meanwhile is another request's.
async fn summary(shared: &Shared, run: &RunId) -> Result<Summary, Problem> {
    let sink = shared.plane.sink();
    let head = sink.head(run).await?.ok_or_else(|| Problem::no_run(run.as_str()))?;
    let mut summary = Summary::new(run.to_string(), head.workflow.to_string());
    let mut after = 0;
    while after < head.last.seq {
        let page = sink.read(run, after, MAX_PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.seq;
        for entry in &page {
            summary.push(Event::decode(entry.id, &entry.payload)?);
        }
    }
    Ok(summary.finish())
}

/// `GET /runs/{id}/output`: `{"output"}` of a run that succeeded; of one that runs, 202; of one that failed, 422.
pub(super) async fn output(
    State(shared): State<Shared>,
    Path(Named { id }): Path<Named>,
    parts: Parts,
) -> Answer {
    let (run, _) = expect_run(&shared, &parts, &id, Action::Read).await?;
    end(&shared, &run).await
}

/// How a run ended, if it has.
pub(crate) async fn end(shared: &Shared, run: &RunId) -> Answer {
    let sink = shared.plane.sink();
    let head = sink.head(run).await?.ok_or_else(|| Problem::no_run(run.as_str()))?;
    let id = run.as_str();
    if !head.status.is_ended() {
        let body = json!({ "executionId": id, "executionStatus": "running" });
        return Ok((StatusCode::ACCEPTED, Json(body)).into_response());
    }
    let page = sink.read(run, head.last.seq.saturating_sub(1), 1).await?;
    let last = page.first().ok_or_else(|| Problem::no_run(run.as_str()))?;
    match Event::decode(last.id, &last.payload)?.kind {
        EventKind::RunEnded { status: RunStatus::Succeeded, output, .. } => {
            let body = json!({ "executionId": id, "executionStatus": "completed", "output": output });
            Ok(Json(body).into_response())
        }
        EventKind::RunEnded { status, error, .. } => {
            let error =
                error.map_or_else(|| status.as_str().to_owned(), |error| format!("{:#}", error.to_error()));
            let body =
                json!({ "executionId": id, "executionStatus": "failed", "status": status, "error": error });
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response())
        }
        _ => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the run's last event is none")),
    }
}
