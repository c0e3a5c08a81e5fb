//! How an execution stands, and what it gave.

use axum::{
    Json,
    extract::{Path, State},
    http::{header, request::Parts},
    response::IntoResponse as _,
};
use gensx_core::{Event, EventKind, RunStatus, event::Json as RawJson};
use serde::{Deserialize, Serialize};

use super::Execution;
use crate::{
    access::Action,
    api::Shared,
    problem::{Answer, Problem},
    projection::genx::{iso8601, why},
    runs,
};

/// An execution of a workflow.
#[derive(Deserialize)]
pub(super) struct OfWorkflow {
    name: String,
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    execution_status: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `GET /workflowExecutions/{id}/output`.
pub(super) async fn output(
    State(shared): State<Shared>,
    Path(Execution { id }): Path<Execution>,
    parts: Parts,
) -> Answer {
    let (run, _) = runs::expect_run(&shared, &parts, &id, Action::Read).await?;
    runs::end(&shared, &run).await
}

/// `GET /workflows/{name}/executions/{id}`.
pub(super) async fn show(
    State(shared): State<Shared>,
    Path(OfWorkflow { name, id }): Path<OfWorkflow>,
    parts: Parts,
) -> Answer {
    let (run, _) = runs::expect_run(&shared, &parts, &id, Action::Read).await?;
    let sink = shared.plane.sink();
    let none = || Problem::no_run(run.as_str());
    let head = sink.head(&run).await?.filter(|head| *head.workflow == *name).ok_or_else(none)?;
    let first = sink.read(&run, 0, 1).await?;
    let first = first.first().ok_or_else(none)?;
    let mut shown = begun(&Event::decode(first.id, &first.payload)?, run.as_str());
    if head.status.is_ended() {
        let last = sink.read(&run, head.last.seq.saturating_sub(1), 1).await?;
        let last = last.first().ok_or_else(none)?;
        finish(&mut shown, Event::decode(last.id, &last.payload)?);
    } else if head.last.seq > first.id.seq {
        shown.execution_status = "running";
    }
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(shown)).into_response())
}

/// An execution of which there is only the beginning: it waits for a worker, unless an application runs it by itself.
fn begun(first: &Event, id: &str) -> Shown {
    let waits = matches!(&first.kind, EventKind::RunStarted { queued: Some(_), .. });
    Shown {
        id: id.to_owned(),
        execution_status: if waits { "queued" } else { "running" },
        created_at: iso8601(first.time_ms),
        finished_at: None,
        output: None,
        error: None,
    }
}

fn finish(shown: &mut Shown, last: Event) {
    shown.finished_at = Some(iso8601(last.time_ms));
    if let EventKind::RunEnded { status, output, error } = last.kind {
        let succeeded = status == RunStatus::Succeeded;
        shown.execution_status = if succeeded { "completed" } else { "failed" };
        shown.error = (!succeeded).then(|| why(status, error.as_ref()));
        shown.output = output;
    }
}
