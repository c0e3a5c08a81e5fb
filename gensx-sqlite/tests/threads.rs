//! Dropping a sink ends its threads. Alone in its program, where no other test has such threads.

#![cfg(target_os = "linux")]

mod common;

use common::*;
use gensx_core::EventSink as _;

fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread that ends meanwhile has no name any more.
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("gensx-db-")).collect()
}

#[tokio::test]
async fn dropping_the_sink_ends_its_threads() {
    let (_folder, file) = place();
    for _ in 0..3 {
        let sink = open(&file).await;
        until("the threads run", async || threads().len() == 2).await;
        let run = run_id("run");
        fill(&sink, &run, 1).await;
        let waited = tokio::select! {
            answer = sink.changed(&run, 1) => Some(answer),
            () = tokio::time::sleep(std::time::Duration::from_millis(30)) => None,
        };
        assert!(waited.is_none(), "{waited:?}");
        sink.delete(&run).await.unwrap();
        drop(sink);
        until("the threads end", async || threads().is_empty()).await;
    }
}
