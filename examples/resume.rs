//! A run outlives its process. This program starts itself as a second process, which begins a run and dies in the
//! middle of it; then it goes on with that run from its stream. `cargo run --example resume`

use std::process::Command;

use gensx::SqliteSink;
use gensx::prelude::*;

/// Tells the process that is to die which file the run is kept in.
const FILE_VARIABLE: &str = "GENSX_EXAMPLE_FILE";
const RUN: &str = "two-steps";

/// Gives the process that it ran in, so that the output shows who did what.
#[component]
async fn first() -> gensx::Result<u32> {
    println!("first runs in process {}", std::process::id());
    Ok(std::process::id())
}

#[component]
async fn second(dies: bool) -> gensx::Result<u32> {
    if dies && std::env::var_os(FILE_VARIABLE).is_some() {
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
    let id: RunId = RUN.parse()?;
    if let Some(file) = std::env::var_os(FILE_VARIABLE) {
        let runtime = Runtime::builder().sink(SqliteSink::open(file).await?).build();
        runtime.start_with_id(&both, id, true).await?.output().await?;
        anyhow::bail!("the second step was to end this process");
    }

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("runs.db");
    let mut other = Command::new(std::env::current_exe()?).env(FILE_VARIABLE, &file).spawn()?;
    let dead = other.id();
    assert!(!other.wait()?.success(), "the other process was to die");

    // The stream says that the first step is done and what it gave: only the second one runs here.
    let runtime = Runtime::builder().sink(SqliteSink::open(file).await?).build();
    let output = runtime.resume(&both, &id).await?.output().await?;
    assert_eq!(output, (dead, std::process::id()));
    println!("the run ended with {output:?}");
    Ok(())
}
