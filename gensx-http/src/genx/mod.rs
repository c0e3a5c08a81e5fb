//! The GenSX wire: the routes that `@gensx/client` and `@gensx/react` ask, in all the forms in which they ask them.

mod answered;
mod executions;
mod fulfil;
mod stream;

use axum::{
    Router,
    routing::{get, post},
};
use serde::Deserialize;

pub(crate) use stream::{Format, Reading, answer};

use crate::{api::Shared, workflows};

/// Where clients look for workflows that take them to be in the cloud.
const CLOUD_WORKFLOWS: &str = "/org/{org}/projects/{project}/environments/{environment}";
/// The same for executions.
const CLOUD_EXECUTIONS: &str = "/org/{org}";
/// What clients add to a base URL that ends with a slash already begins with two.
const BASES: [&str; 2] = ["", "/"];

/// The execution that a path names. What else it names, an organisation or an environment, is for the application's hook.
#[derive(Deserialize)]
struct Execution {
    id: String,
}

pub(crate) fn routes() -> Router<Shared> {
    let mut router = Router::new();
    for base in BASES {
        for prefix in ["", CLOUD_WORKFLOWS] {
            let prefix = format!("{base}{prefix}");
            router = router.merge(of_workflows(&prefix));
            // Those at the root are the router's own.
            if !prefix.is_empty() {
                router = router.merge(workflows::routes_under(&prefix));
            }
        }
        for prefix in ["", CLOUD_EXECUTIONS] {
            router = router.merge(of_executions(&format!("{base}{prefix}")));
        }
    }
    router
}

fn of_workflows(prefix: &str) -> Router<Shared> {
    Router::new()
        .route(&format!("{prefix}/workflows/{{name}}/executions"), get(executions::list))
        .route(&format!("{prefix}/workflows/{{name}}/executions/{{id}}"), get(executions::show))
        // React's hook asks for executions below the workflow that it was given.
        .merge(of_executions(&format!("{prefix}/workflows/{{name}}")))
}

fn of_executions(prefix: &str) -> Router<Shared> {
    let path = |rest: &str| format!("{prefix}/workflowExecutions/{{id}}/{rest}");
    Router::new()
        .route(&path("progress"), get(stream::progress).post(stream::progress))
        .route(&path("output"), get(executions::output))
        .route(&path("fulfill/{node}"), post(fulfil::fulfil))
}
