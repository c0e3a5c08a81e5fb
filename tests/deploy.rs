//! The two sides of a fleet as processes, and a change of deployment under load: what `examples/deploy.sh` shows.

use std::process::{Command, Stdio};

use gensx_test_servers::RedisServer;

const RUNS: usize = 12;

fn deploy(sink: Option<&str>) {
    let mut command = Command::new("bash");
    command
        .arg("examples/deploy.sh")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // As the whole suite is built.
        .env("CARGO_FLAGS", "--all-features")
        .env("RUNS", RUNS.to_string())
        .env_remove("GENSX_SINK")
        .stdin(Stdio::null());
    if let Some(sink) = sink {
        command.env("GENSX_SINK", sink);
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains(&format!("{RUNS} of {RUNS} runs succeeded")), "{printed}");
    assert!(!printed.contains("; 0 of them moved"), "{printed}");
}

#[test]
fn a_deployment_changes_under_load_on_redis() {
    deploy(Some(&RedisServer::start().url()));
}

#[test]
fn a_deployment_changes_under_load_in_a_file() {
    deploy(None);
}
