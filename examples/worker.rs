//! A process of a fleet that executes runs. Start as many as you like, and then `cargo run --example client`:
//!
//! `GENSX_SINK=redis://127.0.0.1 cargo run --example worker`
//!
//! Ctrl-C or SIGTERM drains it: what ends in time ends here, and the rest goes on in another worker. A second one ends it
//! at once.

use std::time::Duration;

use gensx::{SINK_VARIABLE, prelude::*};

#[component(retry(max_attempts = 3, initial = "200ms"))]
async fn summarize(page: String) -> gensx::Result<String> {
    // Where a model would be asked.
    gensx::sleep(Duration::from_millis(300)).await?;
    Ok(format!("{page}, in one line"))
}

#[component]
async fn digest(pages: Vec<String>) -> gensx::Result<String> {
    let mut lines = Vec::new();
    for page in pages {
        println!("process {} summarizes {page}", std::process::id());
        lines.push(summarize(page).await?);
    }
    Ok(lines.join("\n"))
}

#[tokio::main]
async fn main() -> gensx::Result<()> {
    if std::env::var(SINK_VARIABLE).as_deref() == Ok("memory") {
        return Err("memory is no other process's: set GENSX_SINK to a store that clients reach, too".into());
    }
    // The name of what is deployed: while runs move from an old one to a new one, both work.
    let deployment = std::env::var("DEPLOYMENT").unwrap_or_else(|_| "default".into());
    let backend = gensx::backend_from_env().await?;
    let worker = Worker::builder(backend)
        .register(&digest)
        .concurrency(16)
        .deployment(deployment)
        // Short, to show how runs move to other workers: 25 s by default.
        .drain_deadline(Duration::from_secs(1))
        .build()?;
    println!("worker {} of deployment {} works", worker.id(), worker.deployment());
    worker.run_until(gensx::shutdown_signal()).await
}
