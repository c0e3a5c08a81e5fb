//! One run: how it stands, its events, and what is asked of it.

mod control;
mod events;
mod list;
mod show;
mod summary;

use axum::{
    Router,
    http::request::Parts,
    routing::{get, post},
};
use gensx_core::RunId;
use serde::Deserialize;

pub(crate) use control::send;
pub(crate) use events::shorter;
pub(crate) use show::end;

use crate::{
    access::{Action, Ask, Pass},
    api::Shared,
    problem::Problem,
};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/runs", get(list::list))
        .route("/runs/{id}", get(show::show).delete(control::delete))
        .route("/runs/{id}/events", get(events::events))
        .route("/runs/{id}/output", get(show::output))
        .route("/runs/{id}/input/{name}", post(control::input))
        .route("/runs/{id}/cancel", post(control::cancel))
        .route("/runs/{id}/retry", post(control::retry))
}

/// The run that a path names. What else it names, where an application has nested the router, is the application's.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// The run, and the input, that a path names.
#[derive(Deserialize)]
struct NamedInput {
    id: String,
    name: String,
}

/// The run that a path names, if the caller may do this to it. An id that can be no run's is answered as one that is none's.
pub(crate) async fn expect_run(
    shared: &Shared,
    parts: &Parts,
    id: &str,
    action: Action,
) -> Result<(RunId, Pass), Problem> {
    let run: RunId = id.parse().map_err(|_| Problem::no_run(id))?;
    let pass = shared.access.expect(parts, Ask::of_run(action, &run)).await?;
    Ok((run, pass))
}

/// Says of a run that is not there what is said of one that the caller may not know of.
pub(crate) fn unknown_alike(run: &RunId, error: gensx_core::Error) -> Problem {
    match error.kind() {
        gensx_core::ErrorKind::NotFound => Problem::no_run(run.as_str()),
        _ => error.into(),
    }
}
