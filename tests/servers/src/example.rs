//! The workspace's examples as programs.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Builds an example, with the features that the whole suite is built with, and gives its program.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let built = Command::new(cargo)
        .args(["build", "--example", name, "--all-features", "--message-format", "json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo, to build an example");
    assert!(built.status.success(), "the example `{name}` does not build");
    // Cargo says where the binary is: the folder and the profile are its business.
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == name).then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    executable.unwrap_or_else(|| panic!("cargo did not say where the example `{name}` is"))
}
