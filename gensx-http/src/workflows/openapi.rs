//! What the router offers, as OpenAPI 3.1.

use axum::{Json, extract::State, http::request::Parts, response::IntoResponse as _};
use serde_json::{Map, Value, json};

use super::Described;
use crate::{
    access::{Action, Ask},
    api::Shared,
    problem::Answer,
};

/// `GET /openapi.json`.
pub(super) async fn document(State(shared): State<Shared>, parts: Parts) -> Answer {
    shared.access.expect(&parts, Ask::of(Action::Describe)).await?;
    Ok(Json(describe(shared.catalogue.iter())).into_response())
}

fn describe<'a>(workflows: impl Iterator<Item = &'a Described>) -> Value {
    let mut paths = runs();
    for workflow in workflows {
        let name = workflow.name();
        let tags = json!([name]);
        let about = workflow.text().unwrap_or_default();
        paths.insert(
            format!("/workflows/{name}"),
            json!({ "post": {
                "operationId": format!("run_{name}"), "tags": tags, "summary": format!("Run {name} and wait for its output"),
                "description": about, "parameters": [idempotency()], "requestBody": body(workflow.input_schema()),
                "responses": {
                    "200": answer("Its output", Some(&output(workflow))),
                    "202": answer("It goes on: the wait is over", Some(&execution())),
                    "400": problem("The input is none, and where"), "422": answer("The run failed", Some(&execution())),
                    "503": problem("Too much is waited for, or the store does not answer") } } }),
        );
        paths.insert(
            format!("/workflows/{name}/start"),
            json!({ "post": {
                "operationId": format!("start_{name}"), "tags": tags, "summary": format!("Start {name}"),
                "description": about, "parameters": [idempotency()], "requestBody": body(workflow.input_schema()),
                "responses": {
                    "202": answer("It is started", Some(&execution())),
                    "200": answer("It was started before under the same key", Some(&execution())),
                    "400": problem("The input is none, and where"), "503": problem("The queue is full, or does not answer") } } }),
        );
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "gensx", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": { "schemas": { "Problem": {
            "type": "object", "required": ["error", "code"],
            "properties": {
                "error": { "type": "string" }, "code": { "type": "string" },
                "at": { "type": "array", "items": { "type": "object", "required": ["path", "error"], "properties": {
                    "path": { "type": "string", "description": "A JSON Pointer into the body" }, "error": { "type": "string" } } } } } } } },
    })
}

/// What is there whatever the workflows are.
fn runs() -> Map<String, Value> {
    let run = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "maxLength": 128 } });
    let name = json!({ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } });
    let query = |name: &str, about: &str| json!({ "name": name, "in": "query", "schema": { "type": "string" }, "description": about });
    let operation = |summary: &str, responses: Value| json!({ "tags": ["runs"], "summary": summary, "responses": responses });
    let mut paths = Map::new();
    paths.insert(
        "/runs".into(),
        json!({ "parameters": [
                query("workflow", "Only runs of this workflow"), query("status", "running, succeeded, failed, cancelled or ended"),
                query("deployment", "Only runs that a worker of this deployment had last"),
                query("since", "Started at this time or later, in milliseconds since 1970"), query("before", "Started before this time"),
                query("limit", "1 to 500, 50 by default"), query("after", "The `next` of the page before")],
            "get": operation("Runs, newest first", json!({ "200": answer("A page: `runs`, and `next` unless it is the last", None) })) }),
    );
    paths.insert(
        "/runs/{id}".into(),
        json!({ "parameters": [run],
            "get": operation("How a run stands", json!({ "200": answer("The run", None), "404": problem("There is none") })),
            "delete": operation("Remove a run that has ended", json!({
                "204": answer("It is gone", None), "404": problem("There is none"), "409": problem("It has not ended") })) }),
    );
    paths.insert(
        "/runs/{id}/events".into(),
        json!({ "parameters": [run,
                query("offset", "The position behind which to begin: -1 is the beginning, now the end"),
                query("live", "long-poll, or sse"), query("token", "A read token")],
            "get": operation("A run's events: pages, server-sent events, or lines, by `live` and `Accept`", json!({
                "200": answer("Events", None), "204": answer("Nothing follows", None), "404": problem("There is none"),
                "410": problem("The position is not held any more") })) }),
    );
    paths.insert(
        "/runs/{id}/output".into(),
        json!({ "parameters": [run], "get": operation("A run's output", json!({
            "200": answer("It", Some(&execution())), "202": answer("It has not ended", Some(&execution())),
            "404": problem("There is none"), "422": answer("It has none", Some(&execution())) })) }),
    );
    paths.insert(
        "/runs/{id}/input/{name}".into(),
        json!({ "parameters": [run, name], "post": {
            "tags": ["runs"], "summary": "Send a run a message", "parameters": [idempotency()], "requestBody": body(None),
            "responses": { "202": answer("It is durable", None), "404": problem("There is none"), "409": problem("It has ended") } } }),
    );
    let ask = |summary: &str, done: &str| {
        json!({ "parameters": [run], "post": operation(summary, json!({
        done: answer("It is durable", None), "404": problem("There is none") })) })
    };
    paths.insert("/runs/{id}/cancel".into(), ask("Cancel a run", "202"));
    paths.insert("/runs/{id}/retry".into(), ask("Start a run in the place of one that failed", "201"));
    paths
}

fn idempotency() -> Value {
    json!({ "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 255 },
        "description": "The caller's own name for this request: sent again, it changes nothing" })
}

fn body(schema: Option<&Value>) -> Value {
    json!({ "required": schema.is_some(), "content": { "application/json": { "schema": schema.cloned().unwrap_or(json!(true)) } } })
}

fn answer(about: &str, schema: Option<&Value>) -> Value {
    match schema {
        Some(schema) => {
            json!({ "description": about, "content": { "application/json": { "schema": schema } } })
        }
        None => json!({ "description": about }),
    }
}

fn problem(about: &str) -> Value {
    answer(about, Some(&json!({ "$ref": "#/components/schemas/Problem" })))
}

fn execution() -> Value {
    json!({ "type": "object", "required": ["executionId", "executionStatus"], "properties": {
        "executionId": { "type": "string" }, "executionStatus": { "type": "string" } } })
}

fn output(workflow: &Described) -> Value {
    let mut schema = execution();
    schema["properties"]["output"] = workflow.output_schema().cloned().unwrap_or(json!(true));
    schema
}
