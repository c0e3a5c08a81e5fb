//! Articles, written while you watch: a page that may be left and found again, and a worker that may die.
//!
//! ```text
//! cargo run --example content_app
//! ```
//!
//! It prints the address of its page. Give a topic there and watch the research, the outline, the sections, which are
//! written side by side, and the edit; give another one meanwhile. Refresh the page, close it and open its URL again, kill
//! the worker whose process the page names with `kill -9`: the article goes on, and nothing is missing or twice.
//!
//! The article's stages are those of `examples/blog`. Runs are in `.gensx/content_app.db` unless `GENSX_SINK` names
//! another store. The model is the one that `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL` name, or a small one of its
//! own, which `FLAKY=7` makes fail as real ones do. `ADDRESS` says where it listens. With the argument `worker` it is a
//! worker alone: any number of them may help.

#[path = "../shared/app/mod.rs"]
mod app;
#[path = "../shared/article/mod.rs"]
mod article;
#[path = "../shared/model/mod.rs"]
mod model;

use std::process::ExitCode;

use axum::Router;
use gensx::http::Described;

use crate::app::{App, Asset};

const PAGE: &[Asset] = &[
    Asset { path: "/", media_type: "text/html; charset=utf-8", text: include_str!("page/index.html") },
    Asset { path: "/app.css", media_type: "text/css", text: include_str!("page/app.css") },
    Asset { path: "/app.js", media_type: "text/javascript", text: include_str!("page/app.js") },
    Asset { path: "/article.js", media_type: "text/javascript", text: include_str!("page/article.js") },
    Asset { path: "/card.js", media_type: "text/javascript", text: include_str!("page/card.js") },
];

#[tokio::main]
async fn main() -> ExitCode {
    app::run(App {
        name: "content_app",
        address: "127.0.0.1:8081",
        described: || {
            Described::new("blog")
                .about("Writes an article about a topic")
                .input::<String>()
                .output::<String>()
        },
        runtime: |runtime| runtime,
        register: |worker| worker.register(&article::blog),
        page: PAGE,
        routes: |_| Ok(Router::new()),
    })
    .await
}
