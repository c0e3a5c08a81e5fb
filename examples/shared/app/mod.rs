//! A product as one command: the API plane with the product's page, and a worker beside it as a process of its own.
//!
//! Without an argument the program serves, and starts itself again with the argument `worker`, as often as that one
//! ends. Both have one store between them and nothing else: kill the worker, and its successor goes on; kill the server,
//! and its successor shows the same.

mod serve;
mod status;
mod store;
mod supervise;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use gensx::http::Described;
use gensx::{Backend, RuntimeBuilder, WorkerBuilder};

/// How long runs may go on after Ctrl-C before they are given back.
const DRAIN: Duration = Duration::from_secs(3);

/// What makes one product of the parts that all have.
pub(crate) struct App {
    /// Its name, also that of the file that keeps its runs.
    pub(crate) name: &'static str,
    /// Where it listens unless `ADDRESS` says so.
    pub(crate) address: &'static str,
    /// Its workflow, for the API.
    pub(crate) described: fn() -> Described,
    /// What its worker's runs are executed with.
    pub(crate) runtime: fn(RuntimeBuilder) -> RuntimeBuilder,
    /// Its workflow, for the worker.
    pub(crate) register: fn(WorkerBuilder) -> WorkerBuilder,
    /// The files of its page.
    pub(crate) page: &'static [Asset],
    /// Routes besides the API and the page.
    pub(crate) routes: fn(Backend) -> anyhow::Result<Router>,
}

/// A file of a page, compiled into the program.
pub(crate) struct Asset {
    /// Its path on the server.
    pub(crate) path: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) text: &'static str,
}

/// The files that every page has.
const SHARED_PAGE: &[Asset] = &[
    Asset { path: "/base.css", media_type: "text/css", text: include_str!("page/base.css") },
    Asset { path: "/follow.js", media_type: "text/javascript", text: include_str!("page/follow.js") },
    Asset { path: "/dom.js", media_type: "text/javascript", text: include_str!("page/dom.js") },
    Asset { path: "/runs.js", media_type: "text/javascript", text: include_str!("page/runs.js") },
];

/// Plays the part that the command line names.
pub(crate) async fn run(app: App) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => serve::serve(&app).await,
        ["worker"] => worker::work(&app, worker::Until::Signal).await,
        ["worker", supervise::SUPERVISED] => worker::work(&app, worker::Until::SupervisorEnds).await,
        other => Err(anyhow::anyhow!(
            "unexpected `{}`: without an argument it serves its page, with `worker` it executes runs",
            other.join(" ")
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error:#}", app.name);
            ExitCode::FAILURE
        }
    }
}
