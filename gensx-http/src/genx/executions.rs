//! How an execution stands, and what it gave.

use axum::{
    Json,
    extract::{Path, State},
    http::{header, request::Parts},
    response::IntoResponse as _,
};
use gensx_core::{
    Event, EventId, EventKind, RunStatus,
    event::Json as RawJson,
    sink::{Cursor, RunFilter},
};
use serde::{Deserialize, Serialize};

use super::Execution;
use crate::{
    access::{Action, Ask, Verdict},
    api::Shared,
    plane::Plane,
    problem::{Answer, Problem},
    projection::genx::{iso8601, why},
    query::Query,
    runs,
};

/// The executions of a page.
const PAGE: usize = 100;

/// The workflow that a path names.
#[derive(Deserialize)]
pub(super) struct Workflow {
    name: String,
}

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

#[derive(Serialize)]
struct Page {
    executions: Vec<Shown>,
    /// What `after` is to be for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
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
    let first = Event::decode(first.id, &first.payload)?;
    let mut shown = Shown {
        id,
        execution_status: status(&shared.plane, head.status, head.last),
        created_at: iso8601(first.time_ms),
        finished_at: None,
        output: None,
        error: None,
    };
    if head.status.is_ended() {
        let last = sink.read(&run, head.last.seq.saturating_sub(1), 1).await?;
        let last = last.first().ok_or_else(none)?;
        finish(&mut shown, Event::decode(last.id, &last.payload)?);
    }
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(shown)).into_response())
}

/// `GET /workflows/{name}/executions`: newest first, those that the caller may read.
pub(super) async fn list(
    State(shared): State<Shared>,
    Path(Workflow { name }): Path<Workflow>,
    parts: Parts,
) -> Answer {
    shared.access.expect(&parts, Ask::of(Action::List)).await?;
    let after = Query::of(&parts.uri).first("after").map(str::parse::<Cursor>).transpose()?;
    let page = shared.plane.sink().list(&RunFilter::new().workflow(name), after.as_ref(), PAGE).await?;
    let mut executions = Vec::with_capacity(page.runs.len());
    for run in page.runs {
        if shared.access.ask(&parts, Ask::of_run(Action::Read, &run.id)).await == Verdict::Allow {
            executions.push(Shown {
                id: run.id.to_string(),
                execution_status: status(&shared.plane, run.status, run.last),
                created_at: iso8601(run.started_ms),
                finished_at: run.ended_ms.map(iso8601),
                output: None,
                error: None,
            });
        }
    }
    let page = Page { executions, next: page.next };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response())
}

/// The wire's word for how a run stands. One of a fleet of which there is only the beginning waits for a worker.
fn status(plane: &Plane, status: RunStatus, last: EventId) -> &'static str {
    match status {
        RunStatus::Running if last.seq == 1 && matches!(plane, Plane::Client(_)) => "queued",
        RunStatus::Running => "running",
        RunStatus::Succeeded => "completed",
        RunStatus::Failed | RunStatus::Cancelled => "failed",
    }
}

fn finish(shown: &mut Shown, last: Event) {
    shown.finished_at = Some(iso8601(last.time_ms));
    if let EventKind::RunEnded { status, output, error } = last.kind {
        shown.error = (status != RunStatus::Succeeded).then(|| why(status, error.as_ref()));
        shown.output = output;
    }
}
