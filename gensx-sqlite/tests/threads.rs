//! What a file's threads do when there is nothing to do, and when its sink and its queue are dropped. Alone in its program, where no
//! other test has such threads.

#![cfg(target_os = "linux")]

mod common;

use std::{fs, path::PathBuf, time::Duration};

use common::*;
use gensx_core::{EventSink as _, RunQueue as _};

/// The kernel's folders of the sink's threads, by their names.
fn threads(name: &str) -> Vec<PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    // A thread that ends meanwhile has no name any more.
    let is_named =
        |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.starts_with(name));
    tasks.filter(is_named).collect()
}

/// How often the follower has gone to sleep.
fn follower_sleeps() -> u64 {
    let status = fs::read_to_string(threads("gensx-db-follow")[0].join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// Waits until the follower's sleeps over some looks' time are, or are not, none.
async fn until_follower_is_idle(idle: bool) {
    until("the follower", async || {
        let before = follower_sleeps();
        tokio::time::sleep(Duration::from_millis(100)).await;
        (follower_sleeps() == before) == idle
    })
    .await;
}

#[tokio::test]
async fn threads_work_only_for_somebody_and_end_with_the_sink() {
    let (_folder, file) = place();
    let run = run_id("run");
    fill(&open(&file).await, &run, 1).await;
    until("the first sink's threads end", async || threads("gensx-db-").is_empty()).await;
    let ask = jobs::ask(1, jobs::LONG);
    for _ in 0..3 {
        let sink = open(&file).await;
        until("the threads run", async || threads("gensx-db-").len() == 2).await;
        until_follower_is_idle(true).await;
        tokio::select! {
            answer = sink.changed(&run, 1) => panic!("nothing happened, but the wait returned {answer:?}"),
            () = until_follower_is_idle(false) => {}
        }
        until_follower_is_idle(true).await;
        let queue = sink.queue();
        drop(sink);
        tokio::select! {
            answer = queue.wait(&ask, 0) => panic!("nothing happened, but the wait returned {answer:?}"),
            () = until_follower_is_idle(false) => {}
        }
        until_follower_is_idle(true).await;
        drop(queue);
        until("the threads end", async || threads("gensx-db-").is_empty()).await;
    }
}
