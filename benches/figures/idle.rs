//! What a run that waits for input holds in memory.

use std::process::Command;

use gensx::{EventKind, Run, Runtime, component};

use crate::measure::{Row, Store, one_worker};

const RUNS: u32 = 100_000;
/// The argument under which this program measures one store, in a process of its own: memory that was freed before
/// would be used again and hide what is needed.
pub const CHILD: &str = "--idle-runs";

#[component]
async fn waits(n: u32) -> gensx::Result<u32> {
    Ok(n + gensx::input::<u32>("more", None).await?)
}

/// Resident memory per waiting run, on each store.
pub fn idle() -> Vec<Row> {
    Store::BOTH.into_iter().map(idle_on).collect()
}

fn idle_on(store: Store) -> Row {
    let child = Command::new(std::env::current_exe().unwrap()).args([CHILD, store.name()]).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let bytes: u64 = String::from_utf8(child.stdout).unwrap().trim().parse().unwrap();
    let held = match store {
        Store::Memory => "its stream included",
        Store::Sqlite => "its stream in the file",
    };
    Row {
        what: format!("memory per run that waits, {held}"),
        gensx: format!("{bytes} bytes"),
        baseline: format!("{RUNS} runs at once"),
        answer: format!("{:.2} KiB", bytes as f64 / 1024.0),
        goal: "under 4 KiB",
    }
}

/// The child: prints bytes per run.
pub fn child(store: &str) {
    let store = Store::BOTH.into_iter().find(|known| known.name() == store).unwrap();
    let folder = tempfile::tempdir().unwrap();
    one_worker().block_on(async {
        let runtime = Runtime::builder().shared_sink(store.open(folder.path()).await).build();
        let mut runs = Vec::with_capacity(RUNS as usize);
        // What the first run sets up, every process has once.
        wait_for(&runtime.start(&waits, 0).await.unwrap()).await;
        let before = resident_bytes();
        for n in 0..RUNS {
            runs.push(runtime.start(&waits, n).await.unwrap());
        }
        for run in &runs {
            wait_for(run).await;
        }
        println!("{}", (resident_bytes() - before) / u64::from(RUNS));
    });
}

async fn wait_for(run: &Run<u32>) {
    let mut events = run.events();
    while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::InputRequested { .. }) {}
}

pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
