//! The workflow, and the worker's process that executes it. Every value in the output is random, drawn inside the body
//! that returns it.

use std::{
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use futures_util::{
    future::{Either, select, try_join_all},
    poll,
};
use gensx::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{self, ran},
    watch::{self, Watched},
};

/// Calls of components below the first one.
pub(crate) const CALLS: usize = 6;
/// The input that some runs wait for.
pub(crate) const INPUT: &str = "answer";
/// One run in so many waits for it; the others sleep.
const ASKS_ONE_IN: u64 = 4;

/// How long a run goes on elsewhere after its worker died.
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);
const DRAIN_DEADLINE: Duration = Duration::from_millis(500);
const CONCURRENCY: usize = 48;
/// A run may lose its worker very often here.
const MAX_CLAIMS: u32 = 1_000;
/// Runs that wait for longer leave memory, and naps are longer.
const PARK_AFTER: Duration = Duration::from_millis(200);
const NAP: Duration = Duration::from_millis(700);
/// Between a body's effect and its return.
const WORK: Duration = Duration::from_millis(60);
/// The wait before Redis is looked for again by a worker that begins.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);

/// Names the ledger of a worker's process.
pub(crate) const LEDGER: &str = "GENSX_TEST_LEDGER";

/// What a component gives: where it stands in the program, its own value, and what it got from below.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) site: String,
    pub(crate) value: u64,
    pub(crate) parts: Vec<Made>,
}

fn made(site: &str, value: u64, parts: Vec<Made>) -> gensx::Result<Made> {
    Ok(Made { site: site.to_owned(), value, parts })
}

pub(crate) fn asks(n: u64) -> bool {
    n.is_multiple_of(ASKS_ONE_IN)
}

#[component]
async fn step(site: &str, _from: u64) -> gensx::Result<Made> {
    let value = ran(site);
    tokio::time::sleep(WORK).await;
    made(site, value, vec![])
}

#[component]
async fn pair(site: &str, from: u64) -> gensx::Result<Made> {
    let value = ran(site);
    let names = ["a", "b"].map(|name| format!("{site}.{name}"));
    let parts = try_join_all(names.iter().map(|name| step(name, from))).await?;
    made(site, value, parts)
}

#[component]
async fn nap(site: &str, _from: u64) -> gensx::Result<Made> {
    let value = ran(site);
    gensx::sleep(NAP).await?;
    made(site, value, vec![])
}

#[component]
async fn ask(site: &str, _from: u64) -> gensx::Result<Made> {
    let value = ran(site);
    let answer = gensx::input(INPUT, None).await?;
    made(site, value, vec![Made { site: INPUT.to_owned(), value: answer, parts: vec![] }])
}

#[component]
pub(crate) async fn journey(n: u64) -> gensx::Result<Made> {
    watch::under_its_claim(stations(n)).await
}

async fn stations(n: u64) -> gensx::Result<Made> {
    let value = ran("journey");
    let first = step("first", n).await?;
    let wait = async { if asks(n) { ask("ask", first.value).await } else { nap("nap", first.value).await } };
    let (pair, wait) = tokio::try_join!(pair("pair", first.value), wait)?;
    let last = step("last", pair.value ^ wait.value).await?;
    made("journey", value, vec![first, pair, wait, last])
}

/// Whether this process was started to be a worker.
pub(crate) fn is_ours() -> bool {
    std::env::var_os(LEDGER).is_some()
}

/// Is a worker until SIGTERM, or until the test ends.
pub(crate) fn work() -> ExitCode {
    // Its standard input is the test's: it ends with the test, however that does.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1)
    });
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ledger = PathBuf::from(std::env::var_os(LEDGER).expect("it was looked for"));
    match executor.block_on(until_signal(&ledger)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the worker of {} failed: {error:#}", ledger.display());
            ExitCode::FAILURE
        }
    }
}

async fn until_signal(ledger: &Path) -> gensx::Result<()> {
    let mut signal = pin!(gensx::shutdown_signal());
    assert!(poll!(signal.as_mut()).is_pending());
    // From here on a signal drains it.
    ledger::begin(ledger);
    let Either::Left((backend, _)) = select(pin!(connected()), signal.as_mut()).await else { return Ok(()) };
    let sink = Arc::new(Watched(Arc::clone(backend.sink())));
    let worker = Worker::builder(Backend::new(sink, Arc::clone(backend.queue())))
        .register(&journey)
        .concurrency(CONCURRENCY)
        .lease(LEASE)
        .drain_deadline(DRAIN_DEADLINE)
        .max_claims(MAX_CLAIMS)
        .park_after(PARK_AFTER)
        .build()?;
    worker.run_until(signal).await
}

/// However long Redis is away: the test has the bound.
async fn connected() -> Backend {
    loop {
        match gensx::backend_from_env().await {
            Ok(backend) => return backend,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Sink, "{error:#}"),
        }
        tokio::time::sleep(CONNECT_PAUSE).await;
    }
}
