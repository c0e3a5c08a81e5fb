//! A site, read and summed up while you watch, and searched meanwhile.
//!
//! ```text
//! cargo run --example onboarding_app
//! ```
//!
//! It prints the address of its page. Give the URL of a site there, or take the one it offers: documentation that is on this
//! machine, which it serves itself. Pages are found, read and summed up in the background; those that fail are retried and
//! named. What is summed up can be searched at once. Refresh the page, close it and open its URL again, kill the worker whose
//! process the page names with `kill -9`: the crawl goes on, and no page is read twice.
//!
//! The search is in the API plane, and knows what the run's stream says: it asks no worker. A crawl is bounded
//! (`workflow.rs`): pages, depth, bytes of a page, pages at once; it stays in the folder that it begins in, and keeps to
//! `robots.txt`. Runs are in `.gensx/onboarding_app.db` unless `GENSX_SINK` names another store. Summaries come from the model
//! that `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL` name, or from a small one of its own. `ADDRESS` says where
//! it listens. With the argument `worker` it is a worker alone.
//!
//! It listens on this machine alone. Whoever reaches the page can have it read any address that this machine reaches: before it
//! is public, put a check of who asks before it (`Api::authorize`), and a rule for where its worker may go.

#[path = "../shared/app/mod.rs"]
mod app;
mod fetch;
mod html;
mod library;
mod links;
#[path = "../shared/model/mod.rs"]
mod model;
mod robots;
mod search;
mod site;
mod workflow;

use std::process::ExitCode;

use gensx::http::Described;

use crate::app::{App, Asset};

const PAGE: &[Asset] = &[
    Asset { path: "/", media_type: "text/html; charset=utf-8", text: include_str!("page/index.html") },
    Asset { path: "/app.css", media_type: "text/css", text: include_str!("page/app.css") },
    Asset { path: "/app.js", media_type: "text/javascript", text: include_str!("page/app.js") },
    Asset { path: "/crawl.js", media_type: "text/javascript", text: include_str!("page/crawl.js") },
];

#[tokio::main]
async fn main() -> ExitCode {
    app::run(App {
        name: "onboarding_app",
        address: "127.0.0.1:8082",
        described: || {
            Described::new("onboard")
                .about("Reads a site and sums up its pages")
                .input::<workflow::Site>()
                .output::<workflow::Report>()
        },
        runtime: |runtime| runtime.classify(fetch::ReadError::fate),
        register: |worker| worker.register(&workflow::onboard),
        page: PAGE,
        routes: |backend| Ok(search::routes(backend).merge(site::routes()?)),
    })
    .await
}
