//! The conformance suite of Durable Streams, run by node against the read side and the write side of this crate.

use std::{path::Path, process::Stdio, time::Duration};

use gensx_http::durable::{MemoryStreams, WritableRouter};

/// Everything but forks, which the write side does not have.
const IN_SCOPE: &str = "^(?!.*Fork).*$";
/// The suite is told the same.
const LONG_POLL: Duration = Duration::from_millis(500);
/// It takes about 20 seconds, of which most is waiting for streams to expire.
const PATIENCE: Duration = Duration::from_secs(180);
/// So many tests of the suite are in scope: fewer would mean that it was not run.
const TESTS: usize = 250;

#[tokio::test]
async fn the_suite_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node");
    assert!(
        folder.join("node_modules/vitest/vitest.mjs").exists(),
        "the suite is not installed: install node 20 or later, and run `npm ci` in tests/node"
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let streams = WritableRouter::new(MemoryStreams::new()).long_poll(LONG_POLL).router();
    tokio::spawn(async move { axum::serve(listener, streams).await });

    let run = tokio::process::Command::new("node")
        .args(["node_modules/vitest/vitest.mjs", "run", "conformance.test.mjs", "--testTimeout=30000"])
        .args(["--reporter=default", "--no-color", "-t", IN_SCOPE])
        .current_dir(folder)
        .env("CONFORMANCE_TEST_URL", url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let run = tokio::time::timeout(PATIENCE, run).await.expect("the suite ends in time");
    let run = run.expect("node, to run the suite: install node 20 or later");
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{output}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(output.contains(&format!("{TESTS} passed")), "{output}");
}
