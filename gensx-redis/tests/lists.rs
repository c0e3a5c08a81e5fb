//! What is in the lists of runs, and what is not for long.

#[path = "support/events.rs"]
mod events;
#[path = "support/lists.rs"]
mod lists;

use std::time::Duration;

use gensx_core::{
    EventSink as _, RunId,
    sink::{Append, RunFilter},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use self::{
    events::{opening, run_id, soon, text},
    lists::{end, is_named, list, number, places, write},
};

/// Longer than a run may be listed before its stream is opened.
const OLD_MS: i64 = 11 * 60_000;

async fn listed(sink: &RedisSink, filter: RunFilter) -> Vec<RunId> {
    let page = sink.list(&filter, None, 99).await.unwrap();
    page.runs.into_iter().map(|run| run.id).collect()
}

/// Has a run be listed as one that began long ago.
fn made_old(server: &RedisServer, run: &str) {
    let earlier = (-OLD_MS * 4).to_string();
    for kind in ["runs", "open", "of:tests"].map(|kind| list(run, kind)) {
        if is_named(server, &kind, run) {
            server.command(&["ZINCRBY", &kind, &earlier, run]);
        }
    }
}

#[tokio::test]
async fn names_of_runs_that_are_gone_are_taken_out_by_whoever_comes_upon_them() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let (ended, open) = (run_id("ended"), run_id("open"));
    for run in [&ended, &open] {
        write(&sink, run, 1).await;
    }
    end(&sink, &ended, 2).await;
    soon("its places", async {
        while places(&server, "ended") != 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    server.command(&["DEL", "gensx:{ended}:ev"]);
    server.command(&["DEL", "gensx:{open}:ev"]);
    let by_workflow = || RunFilter::new().workflow("tests");
    // They may be about to begin.
    for filter in [RunFilter::new(), RunFilter::new().unfinished(), by_workflow()] {
        assert_eq!(listed(&sink, filter).await, []);
        assert_eq!((places(&server, "ended"), places(&server, "open")), (2, 4));
    }
    made_old(&server, "ended");
    made_old(&server, "open");
    for (filter, ended, open) in
        [(RunFilter::new().unfinished(), 2, 2), (RunFilter::new(), 1, 2), (by_workflow(), 0, 0)]
    {
        assert_eq!(listed(&sink, filter.clone()).await, []);
        assert_eq!((places(&server, "ended"), places(&server, "open")), (ended, open), "{filter:?}");
    }
}

#[tokio::test]
async fn a_run_that_ended_with_its_process_is_taken_from_the_open_ones_by_whoever_lists_them() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let (ended, open) = (run_id("ended"), run_id("open"));
    for run in [&ended, &open] {
        write(&sink, run, 1).await;
    }
    server.command(&["XADD", "gensx:{ended}:ev", "1-2", "e", "{}", "t", "12345678abcdefgh", "s", "failed"]);
    assert!(is_named(&server, &list("ended", "open"), "ended"));
    assert_eq!(listed(&sink, RunFilter::new().unfinished()).await, [open]);
    assert!(!is_named(&server, &list("ended", "open"), "ended"));
    assert_eq!(number(&server, &["ZSCORE", &list("ended", "of:tests"), "ended"]) % 4, 2);
    assert_eq!(listed(&sink, RunFilter::new().failed()).await, [ended]);
}

#[tokio::test]
async fn a_run_that_ended_with_its_process_is_taken_from_the_open_ones_by_the_sweep() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let (ended, open) = (run_id("ended"), run_id("open"));
    for run in [&ended, &open] {
        write(&sink, run, 1).await;
    }
    drop(sink);
    // What the last append does, and nothing after it: the process is gone.
    server.command(&["XADD", "gensx:{ended}:ev", "1-2", "e", "{}", "t", "12345678abcdefgh", "s", "failed"]);
    for run in ["ended", "open"] {
        let due = ["ZADD", &list(run, "due"), "XX", "CH", "1", &format!("{run}\ntests")];
        assert_eq!(number(&server, &due), 1, "`{run}` is to be looked at some time");
    }
    let _swept = RedisSink::connect(&server.url()).await.unwrap();
    soon("the lists", async {
        while is_named(&server, &list("ended", "open"), "ended") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(!is_named(&server, &list("ended", "due"), "ended\ntests"), "it is kept for ever");
    // How it ended, behind when it began.
    for kind in ["runs", "of:tests"] {
        assert_eq!(number(&server, &["ZSCORE", &list("ended", kind), "ended"]) % 4, 2, "{kind}");
    }
    soon("the other one", async {
        while number(&server, &["ZSCORE", &list("open", "due"), "open\ntests"]) == 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(number(&server, &["ZSCORE", &list("open", "open"), "open"]) % 4, 0);
}

#[tokio::test]
async fn a_name_that_is_left_of_a_run_is_no_obstacle_to_the_next() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let run = run_id("run");
    write(&sink, &run, 1).await;
    end(&sink, &run, 2).await;
    soon("its place", async {
        while places(&server, "run") != 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let first = sink.list(&RunFilter::new(), None, 9).await.unwrap().runs.remove(0).started_ms;
    // Asked to begin again, it stays what it is.
    assert_eq!(sink.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Ended);
    assert_eq!(sink.list(&RunFilter::new(), None, 9).await.unwrap().runs[0].started_ms, first);
    assert_eq!(places(&server, "run"), 2);
    // Expired, and not swept yet.
    server.command(&["DEL", "gensx:{run}:ev"]);
    assert!(sink.list(&RunFilter::new().workflow("tests"), None, 9).await.unwrap().runs.is_empty());
    write(&sink, &run, 1).await;
    let open = sink.list(&RunFilter::new().unfinished(), None, 9).await.unwrap().runs.remove(0);
    assert!(open.started_ms > first, "it began at {first}, and again at {}", open.started_ms);
}
