//! An HTTP API over an application's own runtime: start runs, watch them, leave and come back.
//!
//! `cargo run --example api`, then in another terminal:
//!
//! ```text
//! curl -X POST localhost:8080/workflows/haiku/start -H 'content-type: application/json' -d '{"about":"tides"}'
//! curl -N -H 'accept: text/event-stream' localhost:8080/runs/RUN/events
//! ```
//!
//! Or look at <http://localhost:8080/console>.

use std::{net::SocketAddr, time::Duration};

use gensx::{
    SqliteSink,
    http::{Api, Described},
    prelude::*,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Topic {
    /// What the poem is about.
    about: String,
}

#[component]
async fn line(about: String, number: u32) -> gensx::Result<String> {
    // Where a model would be asked.
    let text = format!("line {number} of {about} ");
    for word in text.split_inclusive(' ') {
        gensx::emit_text("poem", word);
        gensx::sleep(Duration::from_millis(100)).await?;
    }
    Ok(text)
}

#[component]
async fn haiku(topic: Topic) -> gensx::Result<Vec<String>> {
    let mut lines = Vec::new();
    for number in 1..=3 {
        lines.push(line(topic.about.clone(), number).await?);
    }
    Ok(lines)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().sink(SqliteSink::open("runs.db").await?).register(&haiku).build();
    // What an earlier process had begun.
    runtime.resume_all().await?;

    let api = Api::new(runtime).workflow(
        Described::new("haiku").about("Writes three lines").input::<Topic>().output::<Vec<String>>(),
    );
    let address: SocketAddr = std::env::var("ADDRESS").as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, api.router()).with_graceful_shutdown(gensx::shutdown_signal()).await?;
    Ok(())
}
