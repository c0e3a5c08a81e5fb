//! `GET /runs`: newest first, a page at a time.

use std::time::{Duration, SystemTime};

use axum::{
    Json,
    extract::State,
    http::{header, request::Parts},
    response::IntoResponse as _,
};
use gensx_core::{
    RunStatus,
    sink::{Cursor, RunFilter, RunSummary},
};
use serde::Serialize;

use crate::{
    access::{Action, Ask, Verdict},
    api::Shared,
    problem::{Answer, Problem},
    query::Query,
};

/// The runs of a page, unless `limit` says otherwise, and the most that it may say.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

#[derive(Serialize)]
struct Page {
    runs: Vec<Listed>,
    /// What `after` is to be for the next page.
    next: Option<Cursor>,
}

#[derive(Serialize)]
struct Listed {
    id: String,
    workflow: String,
    status: RunStatus,
    /// Milliseconds since 1970.
    started_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<String>,
    /// The id of its last event.
    last_event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<String>,
}

pub(super) async fn list(State(shared): State<Shared>, parts: Parts) -> Answer {
    shared.access.expect(&parts, Ask::of(Action::List)).await?;
    let query = Query::of(&parts.uri);
    let (filter, limit) = (filter(&query)?, limit(&query)?);
    let after = query.first("after").map(str::parse::<Cursor>).transpose()?;
    let page = shared.plane.sink().list(&filter, after.as_ref(), limit).await?;
    let mut runs = Vec::with_capacity(page.runs.len());
    for run in page.runs {
        if shared.access.ask(&parts, Ask::of_run(Action::Read, &run.id)).await == Verdict::Allow {
            runs.push(Listed::of(run));
        }
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Page { runs, next: page.next })).into_response())
}

impl Listed {
    fn of(run: RunSummary) -> Self {
        Self {
            id: run.id.to_string(),
            workflow: run.workflow.to_string(),
            status: run.status,
            started_at: run.started_ms,
            ended_at: run.ended_ms,
            deployment: run.deployment.map(|name| name.to_string()),
            last_event: run.last.to_string(),
            retry_of: run.retry_of.map(|run| run.to_string()),
        }
    }
}

fn filter(query: &Query) -> Result<RunFilter, Problem> {
    let mut filter = RunFilter::new();
    if let Some(workflow) = query.first("workflow") {
        filter = filter.workflow(workflow);
    }
    if let Some(deployment) = query.first("deployment") {
        filter = filter.deployment(deployment);
    }
    filter = match query.first("status") {
        None => filter,
        Some("ended") => filter.ended(),
        Some(word) => filter.status(RunStatus::parse(word).ok_or_else(|| {
            Problem::bad_request("`status` is one of running, succeeded, failed, cancelled, ended")
        })?),
    };
    if let Some(time) = time(query, "since")? {
        filter = filter.since(time);
    }
    if let Some(time) = time(query, "before")? {
        filter = filter.before(time);
    }
    Ok(filter)
}

/// A time in milliseconds since 1970.
fn time(query: &Query, name: &str) -> Result<Option<SystemTime>, Problem> {
    let Some(text) = query.first(name) else { return Ok(None) };
    let time = text.parse().ok().and_then(|ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)));
    time.map(Some)
        .ok_or_else(|| Problem::bad_request(format!("`{name}` is a number of milliseconds since 1970")))
}

fn limit(query: &Query) -> Result<usize, Problem> {
    match query.first("limit").map(str::parse::<usize>) {
        None => Ok(DEFAULT_LIMIT),
        Some(Ok(limit @ 1..=MAX_LIMIT)) => Ok(limit),
        Some(_) => Err(Problem::bad_request(format!("`limit` is 1 to {MAX_LIMIT}"))),
    }
}
