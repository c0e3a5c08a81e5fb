//! The console in a real browser, over a real server, and its modules in node.
//!
//! What is seen there is said in `node/`: a file for each test here.

mod workflow;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{net::TcpListener, process::Command, sync::Mutex};

/// How long a walk through the console may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// One browser at a time: several at once starve each other on a small machine.
static BROWSER: Mutex<()> = Mutex::const_new(());

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/node")
}

/// Runs node, and fails with what it said.
async fn node(arguments: &[&str]) {
    let mut command = Command::new("node");
    command.args(arguments).current_dir(folder()).stdin(Stdio::null()).kill_on_drop(true);
    command.env("GENSX_SCRATCH", env!("CARGO_TARGET_TMPDIR"));
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("node ends in time");
    let output = output.unwrap_or_else(|error| {
        panic!("node does not start ({error}): install it, as root: apt-get install nodejs npm")
    });
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "node {arguments:?}:\n{}", String::from_utf8_lossy(&said));
}

/// Walks through the console of a server of its own.
async fn walk(script: &str) {
    let _alone = BROWSER.lock().await;
    assert!(
        folder().join("node_modules/playwright-core/package.json").exists(),
        "playwright-core is missing: run `npm ci` in tests/browser/node"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, workflow::app()).await });
    node(&[script, &base, workflow::EVIL]).await;
    server.abort();
}

#[tokio::test]
async fn the_fold_of_events_is_right() {
    node(&["--test", "model.test.mjs"]).await;
}

#[tokio::test]
async fn patches_are_applied_as_the_rfc_says() {
    node(&["--test", "patch.test.mjs"]).await;
}

#[tokio::test]
async fn lines_are_read_across_lost_connections() {
    node(&["--test", "live.test.mjs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_live() {
    walk("runs.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_and_a_reload_shows_the_same() {
    walk("follow.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_answered_cancelled_retried_and_deleted() {
    walk("actions.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_run_is_taken_for_markup() {
    walk("hostile.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_is_enough() {
    walk("keyboard.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_calls_are_shown() {
    walk("many.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_fits_and_can_be_read() {
    walk("looks.mjs").await;
}
