//! Workflows: what there is, and starting their runs.

mod describe;
mod openapi;
mod start;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::request::Parts,
    response::IntoResponse as _,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use describe::Catalogue;
pub use describe::Described;

use crate::{
    access::{Action, Ask},
    api::Shared,
    problem::{Answer, Problem},
};

pub(crate) fn routes() -> Router<Shared> {
    routes_under("").route("/openapi.json", get(openapi::document))
}

/// The workflows' routes below another path.
pub(crate) fn routes_under(prefix: &str) -> Router<Shared> {
    let path = |rest: &str| format!("{prefix}/workflows{rest}");
    Router::new()
        .route(&path(""), get(list))
        .route(&path("/{name}"), get(show).post(start::run))
        .route(&path("/{name}/start"), post(start::start))
}

/// The workflow that a path names.
#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn list(State(shared): State<Shared>, parts: Parts) -> Answer {
    shared.access.expect(&parts, Ask::of(Action::Describe)).await?;
    let workflows: Vec<Value> = shared.catalogue.iter().map(describe).collect();
    Ok(Json(json!({ "workflows": workflows })).into_response())
}

async fn show(State(shared): State<Shared>, Path(Named { name }): Path<Named>, parts: Parts) -> Answer {
    shared.access.expect(&parts, Ask::of(Action::Describe)).await?;
    match shared.catalogue.get(&name)? {
        Some(described) => Ok(Json(describe(described)).into_response()),
        None => Err(Problem::not_found(format!("Workflow '{}' not found", name.escape_debug()))),
    }
}

fn describe(described: &Described) -> Value {
    json!({
        "id": described.name(),
        "name": described.name(),
        "description": described.text(),
        "inputSchema": described.input_schema(),
        "outputSchema": described.output_schema(),
    })
}
