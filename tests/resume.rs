//! The example of a run that outlives its process, on Redis: the environment's one variable is all that changes.

use std::process::{Command, Stdio};

use gensx_test_servers::RedisServer;

/// Builds the example with the features that the whole suite is built with, and runs it on a sink.
fn run(sink: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "resume", "--all-features"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("GENSX_SINK", sink)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

#[test]
fn a_process_dies_and_another_one_goes_on_from_redis() {
    let server = RedisServer::start();
    let printed = run(&server.url());
    for line in ["first runs in process", "dies", "second runs in process", "the run ended with"] {
        assert_eq!(printed.matches(line).count(), 1, "{line}: {printed}");
    }
    let runs: usize = (0..8)
        .map(|list| server.command(&["ZCARD", &format!("gensx:{{ix{list}}}:runs")]).parse::<usize>().unwrap())
        .sum();
    assert_eq!(runs, 1, "the run is not on the server");
}
