//! `examples/api.rs` as a process that is killed in the middle of a run.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Server, answer, json, text};

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the example in a folder, and gives where it listens.
fn start(folder: &std::path::Path) -> (Process, Server) {
    let tests = std::env::current_exe().unwrap();
    let example: PathBuf = tests.parent().unwrap().parent().unwrap().join("examples/api");
    let mut command = Command::new(&example);
    command.current_dir(folder).env("ADDRESS", "127.0.0.1:0").stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Process(child), Server::at(line.trim()))
}

#[tokio::test]
async fn the_example_goes_on_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let (process, server) = start(folder.path());
    let started = answer(server.post("/workflows/haiku/start", &json!({ "about": "tides" }))).await;
    assert_eq!(started.status(), StatusCode::ACCEPTED);
    let run = json(started).await["executionId"].as_str().unwrap().to_owned();
    server.until(&run, |summary| summary["calls"]["succeeded"] == 1).await;
    drop(process);

    let (_process, server) = start(folder.path());
    let path = format!("/runs/{run}/events");
    let events = text(answer(server.get(&path).header("accept", "application/x-ndjson")).await).await;
    let last: serde_json::Value = serde_json::from_str(events.trim_end().lines().last().unwrap()).unwrap();
    let lines = json!(["line 1 of tides ", "line 2 of tides ", "line 3 of tides "]);
    assert_eq!((&last["type"], &last["output"]), (&json!("run.ended"), &lines));
    let summary = server.until(&run, |summary| summary["status"] == "succeeded").await;
    assert_eq!(summary["calls"]["succeeded"], 3, "what had succeeded was not done again");
}
