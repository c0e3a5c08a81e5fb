//! Files that are not what they should be: each gives a typed error, and stays as it is.

mod common;

use std::{fs, path::Path};

use common::*;
use gensx_core::{
    EventSink as _, SinkErrorKind,
    sink::{Append, Batch, Inbox as _, RunFilter},
};
use gensx_sqlite::{SqliteSink, Synchronous};
use rusqlite::Connection;

async fn refused(path: &Path) -> SinkErrorKind {
    let error = SqliteSink::open(path).await.expect_err("a file that cannot be used was opened");
    let text = error.to_string();
    assert!(
        text.contains(&format!("sqlite:{}", path.display())),
        "the message does not name the file: {text}"
    );
    assert!(text.contains(": "), "{text}");
    error.kind()
}

/// Every file of the folder with its bytes.
fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    for (mode, pragma) in [
        ("delete", ""),
        ("wal", ""),
        ("delete", "PRAGMA application_id = 7"),
        ("wal", "PRAGMA user_version = 1"),
    ] {
        let (folder, file) = place();
        let owner = Connection::open(&file).unwrap();
        owner.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(())).unwrap();
        owner
            .execute_batch(&format!("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1); {pragma}"))
            .unwrap();
        let before = snapshot(folder.path());
        assert_eq!(refused(&file).await, SinkErrorKind::Config, "{mode} {pragma}");
        assert_eq!(snapshot(folder.path()), before, "{mode} {pragma}");
        // As if the owner had been killed: what it has in its log is not moved by us.
        let (left, left_file) = place();
        for (name, bytes) in &before {
            fs::write(left.path().join(name), bytes).unwrap();
        }
        assert_eq!(refused(&left_file).await, SinkErrorKind::Config);
        assert_eq!(snapshot(left.path()), before, "{mode} {pragma}, left behind");
        drop(owner);
        assert_eq!(refused(&file).await, SinkErrorKind::Config);
        let theirs: i64 =
            Connection::open(&file).unwrap().query_row("SELECT x FROM theirs", [], |row| row.get(0)).unwrap();
        assert_eq!(theirs, 1);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    // (One byte alone SQLite takes for an empty file.)
    for content in [&b"xy"[..], b"not a database", &[0xa5; 100], &[b' '; 10_000]] {
        let (folder, file) = place();
        fs::write(&file, content).unwrap();
        assert_eq!(refused(&file).await, SinkErrorKind::Config);
        assert_eq!(snapshot(folder.path()), [("gensx.db".to_owned(), content.to_vec())]);
    }
}

#[tokio::test]
async fn a_newer_versions_file_is_left_alone() {
    let (folder, file) = place();
    fill(&open(&file).await, &run_id("run"), 3).await;
    let newer = Connection::open(&file).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    let before = snapshot(folder.path());
    let error = SqliteSink::open(&file).await.unwrap_err();
    assert_eq!(error.kind(), SinkErrorKind::Config);
    assert!(error.to_string().contains("version 99"), "{error}");
    assert_eq!(snapshot(folder.path()), before);
}

/// Makes a file what the version before wrote.
const BACK_TO_3: &str = "
DROP INDEX runs_by_start;
DROP INDEX runs_by_workflow;
DROP INDEX runs_by_status;
DROP INDEX runs_ended;
DROP INDEX runs_expiring;
ALTER TABLE runs DROP COLUMN started_ms;
ALTER TABLE runs DROP COLUMN deployment;
ALTER TABLE runs DROP COLUMN retry_of;
ALTER TABLE runs DROP COLUMN keep_ms;
ALTER TABLE runs DROP COLUMN expires_ms;
CREATE INDEX runs_unfinished ON runs (run) WHERE ended_ms IS NULL;
CREATE INDEX runs_ended ON runs (ended_ms) WHERE ended_ms IS NOT NULL;
PRAGMA user_version = 3;
";

#[tokio::test]
async fn a_file_of_the_version_before_is_brought_up() {
    let (_folder, file) = place();
    let sink = open(&file).await;
    for (name, time) in [("b", 2_000), ("c", 3_000), ("a", 1_000)] {
        let first = format!(
            r#"{{"v":1,"type":"run.started","time":{time},"name":"tests","input":1,"origin":"{name}"}}"#
        );
        assert_eq!(sink.append(&batch(&run_id(name), 1, 1, &first)).await.unwrap(), Append::Done);
    }
    fill(&sink, &run_id("unreadable"), 3).await;
    let end = Batch { closes: Some(gensx_core::RunStatus::Failed), ..batch(&run_id("b"), 1, 2, "end") };
    assert_eq!(sink.append(&end).await.unwrap(), Append::Done);
    drop(sink);
    let earlier = Connection::open(&file).unwrap();
    earlier.execute_batch(BACK_TO_3).unwrap();
    drop(earlier);
    // Two at once: one of them is faster.
    let (first, second) = tokio::join!(SqliteSink::open(&file), SqliteSink::open(&file));
    let (first, second) = (first.unwrap(), second.unwrap());
    let page = first.list(&RunFilter::new(), None, 10).await.unwrap();
    let began: Vec<_> = page.runs.iter().map(|run| (run.id.as_str(), run.started_ms)).collect();
    assert_eq!(began, [("c", 3_000), ("b", 2_000), ("a", 1_000), ("unreadable", 0)]);
    let failed = second.list(&RunFilter::new().failed(), None, 10).await.unwrap();
    assert_eq!(failed.runs.len(), 1);
    assert_eq!(read_all(&second, &run_id("unreadable")).await.unwrap().len(), 3);
    fill(&second, &run_id("new"), 2).await;
    assert_eq!(first.list(&RunFilter::new(), None, 1).await.unwrap().runs[0].id, run_id("new"));
}

#[tokio::test]
async fn an_empty_file_is_a_new_one() {
    let (_folder, file) = place();
    fs::write(&file, b"").unwrap();
    fill(&open(&file).await, &run_id("run"), 2).await;
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_a_matter_of_configuration() {
    let (folder, file) = place();
    fs::write(&file, b"").unwrap();
    let missing = folder.path().join("missing").join("gensx.db");
    // Nobody may make a file there, not even root.
    let read_only = Path::new("/proc/gensx.db");
    for path in
        [Path::new(""), Path::new(":memory:"), folder.path(), &file.join("below"), &missing, read_only]
    {
        assert_eq!(kind(SqliteSink::open(path).await), SinkErrorKind::Config, "{}", path.display());
    }
    assert!(!missing.parent().unwrap().exists());
}

#[tokio::test]
async fn what_was_appended_is_there_after_reopening() {
    for synchronous in [Synchronous::Normal, Synchronous::Full] {
        let (_folder, file) = place();
        let run = run_id("run");
        let sink = SqliteSink::builder(&file).synchronous(synchronous).open().await.unwrap();
        fill(&sink, &run, 20).await;
        sink.send(&run, message("name")).await.unwrap();
        drop(sink);
        let sink = open(&file).await;
        let texts = read_all(&sink, &run).await.unwrap().into_iter().map(|entry| entry.payload.to_vec());
        assert_eq!(
            texts.collect::<Vec<_>>(),
            (1..=20).map(|n| format!("event {n}").into_bytes()).collect::<Vec<_>>()
        );
        assert_eq!(sink.receive(&run, 0, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn many_may_open_a_new_file_at_once() {
    let (_folder, file) = place();
    let open = |n: usize| {
        let file = file.clone();
        tokio::spawn(async move {
            let sink = SqliteSink::open(&file).await.unwrap();
            fill(&sink, &run_id(&format!("run-{n}")), 2).await;
        })
    };
    for opened in (0..8).map(open).collect::<Vec<_>>() {
        opened.await.unwrap();
    }
    assert_eq!(
        common::open(&file).await.list(&RunFilter::new().unfinished(), None, 100).await.unwrap().runs.len(),
        8
    );
}
