//! The dependency tree, asked of cargo.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde::Deserialize;

use super::MaterialError;

/// A crate of the dependency tree, as far as its documentation matters.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

impl Package {
    /// The root file of the library, if the crate has one.
    pub(super) fn library_root(&self) -> Option<&PathBuf> {
        let is_library = |kind: &String| kind.ends_with("lib") || kind == "proc-macro";
        self.targets.iter().find(|target| target.kind.iter().any(is_library)).map(|target| &target.src_path)
    }
}

/// Every crate that the project in the current directory depends on here, and its own.
pub(super) fn packages() -> Result<Vec<Package>, MaterialError> {
    // Without the network first: what was built is here. A project with members that were never built has crates that
    // are not, so the second try may fetch them.
    let mut output = ask(&["--offline"])?;
    if !output.status.success() {
        output = ask(&[])?;
    }
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
        return Err(MaterialError::Metadata { message });
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(MaterialError::Format)?;
    Ok(metadata.packages)
}

fn ask(more: &[&str]) -> Result<Output, MaterialError> {
    // `cargo run` says which cargo it is: that one fits the project's toolchain.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // Crates of other platforms are in the lock file but not on this disk.
    let platform = ["--filter-platform", "host-tuple"];
    Command::new(&cargo)
        .args(["metadata", "--quiet", "--format-version", "1"])
        .args(platform)
        .args(more)
        .output()
        .map_err(|source| MaterialError::NoCargo { cargo, source })
}
