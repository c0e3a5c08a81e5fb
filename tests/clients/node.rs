//! The clients that node runs: `tests/node/clients.mjs`.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::process::Command;

/// What each session of a client got.
pub(crate) async fn read(client: &str, urls: &[String]) -> Vec<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules/eventsource").exists(),
        "the clients are not installed: install node 20 or later, and run `npm ci` in tests/node"
    );
    let mut node = Command::new("node");
    node.arg("clients.mjs").arg(client).args(urls).current_dir(folder);
    let output = node.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.expect("node, to run the clients: install node 20 or later");
    assert!(output.status.success(), "{client}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("what each session got")
}
