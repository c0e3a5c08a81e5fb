//! Where runs are.

use anyhow::Context as _;
use gensx::{Backend, SINK_VARIABLE};

/// The folder of the examples' files, below the current one.
const FOLDER: &str = ".gensx";

/// The store that the environment names, or a file in this folder, which both processes have then.
///
/// # Errors
/// When it does not open, and for one in memory, which would be another one in each process.
pub(super) async fn open(name: &str) -> anyhow::Result<Backend> {
    match std::env::var(SINK_VARIABLE) {
        Ok(named) if named == "memory" => anyhow::bail!(
            "memory is no other process's: set {SINK_VARIABLE} to a store that the worker reaches, too, or leave it out"
        ),
        Ok(_) => Ok(gensx::backend_from_env().await?),
        Err(_) => {
            std::fs::create_dir_all(FOLDER).with_context(|| format!("the folder {FOLDER} cannot be made"))?;
            Ok(gensx::backend_from_url(&format!("sqlite:{FOLDER}/{name}.db")).await?)
        }
    }
}
