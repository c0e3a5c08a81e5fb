//! The clients that node runs: `node/chat.mjs`.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::api::{Server, url};

/// Has a version of the AI SDK do something, through this port, and gives what came of it.
pub(crate) async fn chat(version: &str, scenario: &str, port: u16, direct: &Server) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ai_sdk/node");
    assert!(
        folder.join("node_modules/ai").exists(),
        "the clients are not installed: install node 20 or later, and run `npm ci` in tests/ai_sdk/node"
    );
    let mut node = Command::new("node");
    node.arg("chat.mjs").args([version, scenario, &url(port), &direct.url()]).current_dir(folder);
    let output = node.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.expect("node, to run the clients: install node 20 or later");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{version}, {scenario}: {errors}");
    serde_json::from_slice(&output.stdout).expect("what came of it")
}
