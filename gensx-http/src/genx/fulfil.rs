//! Answers to what a run asks for.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, request::Parts},
    response::IntoResponse as _,
};
use gensx_core::{RunId, event::Json as RawJson};
use serde::Deserialize;
use serde_json::json;

use super::answered::answered;
use crate::{
    access::Action,
    api::Shared,
    body::{JsonBody, idempotency_key},
    problem::{Answer, Problem},
    projection::genx::NodeId,
    runs,
};

/// What an answer is for: the node's id that an `external-tool` message gave, or an input's plain name.
#[derive(Deserialize)]
pub(super) struct Node {
    id: String,
    node: String,
}

/// What a page says that was asked for a tool which it does not have.
#[derive(Deserialize)]
struct MissingTool {
    #[serde(rename = "__gensxMissingToolImplementation")]
    missing: bool,
}

/// `POST /workflowExecutions/{id}/fulfill/{node}`.
pub(super) async fn fulfil(
    State(shared): State<Shared>,
    Path(Node { id, node }): Path<Node>,
    parts: Parts,
    JsonBody(value): JsonBody,
) -> Answer {
    let (run, _) = runs::expect_run(&shared, &parts, &id, Action::Input).await?;
    // No answer: the run goes on waiting for somebody who has one.
    if !is_missing_tool(&value) {
        match NodeId::read(&node) {
            Some(known) => answer(&shared, &run, &known, &node, &value).await?,
            None => runs::send(&shared, &run, &node, &value, idempotency_key(&parts.headers)?).await?,
        }
    }
    Ok(Json(json!({ "success": true })).into_response())
}

/// Delivers it, unless nothing waits for it: a page that is read again answers again.
async fn answer(
    shared: &Shared,
    run: &RunId,
    node: &NodeId,
    id: &str,
    value: &RawJson,
) -> Result<(), Problem> {
    if answered(shared, run).await?.is(node.call) {
        return Ok(());
    }
    match runs::send(shared, run, &node.name, value, Some(id)).await {
        // It has ended in between.
        Err(problem) if problem.status() == StatusCode::CONFLICT => Ok(()),
        sent => sent,
    }
}

fn is_missing_tool(value: &RawJson) -> bool {
    let text = value.get();
    // A list of the fields' values would be read as one, too.
    text.starts_with('{') && serde_json::from_str::<MissingTool>(text).is_ok_and(|tool| tool.missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_that_says_so_lacks_the_tool() {
        let is = |text: &str| is_missing_tool(&serde_json::from_str::<RawJson>(text).unwrap());
        assert!(is(r#"{"__gensxMissingToolImplementation":true,"toolName":"x"}"#));
        for answer in
            ["false", "0", "null", "\"\"", "[true]", r#"{"__gensxMissingToolImplementation":false}"#]
        {
            assert!(!is(answer), "{answer}");
        }
    }
}
