//! A run outlives its process. This program starts itself as a second process, which begins a run and dies in the
//! middle of it; then it goes on with that run from its stream. `cargo run --example resume`
//!
//! The run is kept in a file, or where the environment says: `GENSX_SINK=redis://127.0.0.1 cargo run --example resume`

use std::process::Command;

use gensx::SINK_VARIABLE;
use gensx::prelude::*;

/// Tells the process that is to die which run to begin.
const RUN_VARIABLE: &str = "GENSX_EXAMPLE_RUN";

/// Gives the process that it ran in, so that the output shows who did what.
#[component]
async fn first() -> gensx::Result<u32> {
    println!("first runs in process {}", std::process::id());
    Ok(std::process::id())
}

#[component]
async fn second(dies: bool) -> gensx::Result<u32> {
    if dies && std::env::var_os(RUN_VARIABLE).is_some() {
        println!("process {} dies", std::process::id());
        // No destructor runs and nothing is saved: as with `kill -9`.
        std::process::abort();
    }
    println!("second runs in process {}", std::process::id());
    Ok(std::process::id())
}

#[component]
async fn both(dies: bool) -> gensx::Result<(u32, u32)> {
    Ok((first().await?, second(dies).await?))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Ok(id) = std::env::var(RUN_VARIABLE) {
        let runtime = Runtime::from_env().await?;
        runtime.start_with_id(&both, id.parse()?, true).await?.output().await?;
        anyhow::bail!("the second step was to end this process");
    }

    let (id, folder) = (RunId::generate(), tempfile::tempdir()?);
    let sink = std::env::var(SINK_VARIABLE)
        .unwrap_or_else(|_| format!("sqlite:{}", folder.path().join("runs.db").display()));
    let mut other = Command::new(std::env::current_exe()?)
        .env(SINK_VARIABLE, &sink)
        .env(RUN_VARIABLE, id.as_str())
        .spawn()?;
    let dead = other.id();
    assert!(!other.wait()?.success(), "the other process was to die");

    // The stream says that the first step is done and what it gave: only the second one runs here.
    let runtime = Runtime::builder().shared_sink(gensx::sink_from_url(&sink).await?).build();
    let output = runtime.resume(&both, &id).await?.output().await?;
    assert_eq!(output, (dead, std::process::id()));
    println!("the run ended with {output:?}");
    Ok(())
}
