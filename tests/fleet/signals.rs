//! What a worker's process does at a signal. The process is this program, started again for one test of it.
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use gensx::{Backend, Client, Worker, component};
use rustix::process::{Pid, Signal, kill_process};

use super::support::PATIENCE;

/// Tells the second process how many milliseconds its drain may take.
const DEADLINE_VARIABLE: &str = "GENSX_TEST_DRAIN_MS";

#[component]
async fn hangs(_n: u32) -> gensx::Result<u32> {
    println!("it hangs");
    std::future::pending().await
}

/// Plays the second process, if this is it.
fn is_the_second() -> bool {
    let Ok(deadline) = std::env::var(DEADLINE_VARIABLE) else { return false };
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    executor.block_on(work(deadline));
    true
}

async fn work(deadline: String) {
    let backend = Backend::in_memory();
    let run = Client::new(backend.clone()).start("hangs", &1).await.unwrap();
    let builder = Worker::builder(backend).register(&hangs);
    let worker = builder.drain_deadline(Duration::from_millis(deadline.parse().unwrap())).build().unwrap();
    worker.run_until(gensx::shutdown_signal()).await.unwrap();
    assert_eq!(run.status().await.unwrap(), gensx::RunStatus::Running);
}

/// The second process, when its run hangs, and what reads it: it must have somewhere to write to.
fn hanging(deadline: Duration) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["signals::a_signal_drains_and_the_process_ends_well", "--exact", "--nocapture"])
        .env(DEADLINE_VARIABLE, deadline.as_millis().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("it hangs")));
    (child, lines)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn ended(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "the process did not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_drains_and_the_process_ends_well() {
    if is_the_second() {
        return;
    }
    let (mut child, _lines) = hanging(Duration::from_millis(200));
    signal(&child, Signal::TERM);
    assert_eq!(ended(&mut child).code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_process_now() {
    let (mut child, _lines) = hanging(Duration::from_secs(3600));
    signal(&child, Signal::TERM);
    let began = Instant::now();
    // The second one counts from when the first was heard: until then they are one.
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "the process did not end");
        std::thread::sleep(Duration::from_millis(50));
        let _ = kill_process(Pid::from_child(&child), Signal::INT);
    }
    assert_eq!(ended(&mut child).code(), Some(130));
}
