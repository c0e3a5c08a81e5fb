//! Workers whose clocks are minutes apart. Each is this program, started again for the test under a clock that lies.
#![cfg(target_os = "linux")]

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use futures_util::future::join_all;
use gensx::{Client, Worker, component};
use gensx_test_servers::RedisServer;

use super::support::{SHORT_LEASE, bounded, client, events, until, until_empty};

/// Tells a second process which store it works for.
const STORE_VARIABLE: &str = "GENSX_TEST_SKEW_STORE";
/// By how much the workers' clocks are wrong.
const SKEWS: [&str; 3] = ["-10m", "+0", "+10m"];
/// What a clock that lies is wrong by at least, whatever the test takes.
const WRONG: Duration = Duration::from_secs(5 * 60);
const RUNS: u32 = 24;
const NAP: Duration = Duration::from_millis(700);
/// The delay before the second attempt.
const DELAY: Duration = Duration::from_millis(400);
const START_AFTER: Duration = Duration::from_secs(1);

fn unix_ms() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Fails once, and gives the time of the process that it ran in.
#[component(retry(max_attempts = 2, initial = "400ms", max = "400ms"))]
async fn stumbles(_n: u32) -> gensx::Result<u64> {
    match gensx::current().map(|current| current.attempt) {
        Some(1) => Err(gensx::Error::new("the first attempt")),
        _ => Ok(unix_ms()),
    }
}

#[component]
async fn naps(n: u32) -> gensx::Result<u64> {
    gensx::sleep(NAP).await?;
    stumbles(n).await
}

/// Plays a worker, if this is one.
fn is_a_worker() -> bool {
    let Ok(url) = std::env::var(STORE_VARIABLE) else { return false };
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    executor.block_on(async {
        let backend = gensx::backend_from_url(&url).await.unwrap();
        // They park what sleeps, so that the store's time is asked as well as the process's own.
        let worker = Worker::builder(backend).register(&naps).lease(SHORT_LEASE);
        let worker = worker.park_after(Duration::from_millis(200)).concurrency(8).build().unwrap();
        worker.run_until(std::future::pending()).await.unwrap();
    });
    true
}

/// What lies to a process about the time.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    found.find(|path| path.exists()).expect("no libfaketime: install it with `apt-get install faketime`")
}

/// A worker's process, killed when the test ends.
struct Process(Child);

impl Process {
    fn start(url: &str, skew: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["skew::workers_whose_clocks_are_minutes_apart_share_their_runs", "--exact", "--nocapture"])
            .env(STORE_VARIABLE, url)
            .env("LD_PRELOAD", library())
            .env("FAKETIME", skew)
            // Only what o'clock it is: how fast time goes by is the same everywhere.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a run, and gives the time of the process that ended it.
async fn run_one(client: Client, n: u32) -> u64 {
    let began = Instant::now();
    let delayed = n.is_multiple_of(3);
    let start = client.start("naps", &n);
    let start = if delayed { start.start_after(START_AFTER) } else { start };
    let run = start.await.unwrap();
    let time = bounded("the output", run.output::<u64>()).await.unwrap();
    let least = NAP + DELAY + if delayed { START_AFTER } else { Duration::ZERO };
    assert!(began.elapsed() >= least, "run {n} waited only {:?}", began.elapsed());
    let events = events(&client, run.id()).await;
    assert!(events.iter().zip(1..).all(|(event, seq)| event.id.seq == seq), "{events:#?}");
    assert_eq!(events.iter().filter(|event| event.is_last()).count(), 1, "{events:#?}");
    time
}

#[test]
fn workers_whose_clocks_are_minutes_apart_share_their_runs() {
    if is_a_worker() {
        return;
    }
    let server = RedisServer::start();
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    executor.block_on(async {
        let client = client(&gensx::backend_from_url(&server.url()).await.unwrap());
        let mut workers: Vec<_> = SKEWS.iter().map(|skew| Process::start(&server.url(), skew)).collect();
        until("all workers", || async {
            let deployments = client.deployments().await.unwrap();
            deployments.iter().map(|one| one.workers).sum::<u64>() == SKEWS.len() as u64
        })
        .await;
        let runs = (0..RUNS).map(|n| tokio::spawn(run_one(client.clone(), n)));
        let runs = join_all(runs.collect::<Vec<_>>());
        until("runs under way", || async { client.stats().await.unwrap().leased > 0 }).await;
        // Its leases run out by the store's clock: whoever goes on with its runs has another one.
        drop(workers.remove(0));
        let ended: Vec<u64> = runs.await.into_iter().map(Result::unwrap).collect();
        let (now, wrong) = (unix_ms(), u64::try_from(WRONG.as_millis()).unwrap());
        assert!(ended.iter().any(|time| *time > now + wrong), "no worker's clock was fast: {ended:?}");
        assert!(
            ended.iter().any(|time| time.abs_diff(now) < wrong),
            "no worker's clock was right: {ended:?}"
        );
        until_empty(&client).await;
    });
}
