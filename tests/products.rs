//! The two products as a user has them: one command each, a page in a real browser, and processes that are killed. What is
//! seen there is said in `browser/node`, a story for each.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use gensx_test_servers::{RedisServer, example};

/// How long a story may take: a few times what it takes on a small machine. It ends itself before.
const PATIENCE: Duration = Duration::from_secs(150);
/// How often it is looked whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One browser at a time: several at once starve each other on a small machine.
static BROWSER: Mutex<()> = Mutex::new(());

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/node")
}

/// Plays a story with a product on a store.
fn play(script: &str, product: &str, store: &str) {
    let program = example(product);
    let _alone = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(
        scripts().join("node_modules/playwright-core/package.json").exists(),
        "playwright-core is missing: run `npm ci` in tests/browser/node"
    );
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said");
    let file = std::fs::File::create(&said).unwrap();
    let mut node = Command::new("node")
        .arg(scripts().join(script))
        .arg(program)
        .arg(store.replace("FOLDER", &folder.path().display().to_string()))
        // The material of articles is this project's dependency tree.
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("node does not start ({error}): install it, as root: apt-get install nodejs npm")
        });
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        if let Some(ended) = node.try_wait().unwrap() {
            break Some(ended);
        }
        if Instant::now() > deadline {
            node.kill().unwrap();
            node.wait().unwrap();
            break None;
        }
        thread::sleep(LOOK_EVERY);
    };
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(ended.is_some_and(|ended| ended.success()), "{script} ended with {ended:?}:\n{said}");
    assert!(said.contains("the story is over"), "{script} did not come to its end:\n{said}");
}

#[test]
fn articles_are_written_whoever_dies_and_the_page_misses_nothing() {
    play("content.mjs", "content_app", "sqlite:FOLDER/runs.db");
}

#[test]
fn articles_are_written_on_redis_as_well() {
    let server = RedisServer::start();
    play("content.mjs", "content_app", &server.url());
}

#[test]
fn what_a_failed_attempt_streamed_is_gone_from_the_page() {
    play("faults.mjs", "content_app", "sqlite:FOLDER/runs.db");
}

#[test]
fn a_site_is_read_and_searched_whoever_dies() {
    play("onboarding.mjs", "onboarding_app", "sqlite:FOLDER/runs.db");
}

#[test]
fn a_site_is_read_and_searched_on_redis_as_well() {
    let server = RedisServer::start();
    play("onboarding.mjs", "onboarding_app", &server.url());
}
