//! A process that starts runs and has none of their code: see `examples/worker.rs`.
//!
//! `GENSX_SINK=redis://127.0.0.1 cargo run --example client -- tides moons`

use std::time::Duration;

use gensx::{SINK_VARIABLE, prelude::*};

#[tokio::main]
async fn main() -> gensx::Result<()> {
    if std::env::var(SINK_VARIABLE).as_deref() == Ok("memory") {
        return Err("memory is no other process's: set GENSX_SINK to a store that workers reach, too".into());
    }
    let mut pages: Vec<String> = std::env::args().skip(1).collect();
    if pages.is_empty() {
        pages = vec!["tides".into(), "moons".into()];
    }
    let client = Client::new(gensx::backend_from_env().await?);
    // Started again within the hour with the same pages, it is the same run.
    let start = client.start("digest", &pages).idempotency_key(pages.join(" "), Duration::from_secs(3600));
    let run = start.await?;
    println!("run {}{}", run.id(), if run.existed() { ", which was started before" } else { "" });

    let mut events = run.events();
    while let Some(event) = events.next().await {
        println!("{}", event?.to_json());
    }
    println!("{}", run.output::<String>().await?);
    Ok(())
}
