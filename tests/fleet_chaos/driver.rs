//! Starts runs in a fleet that is struck at, waits until all have ended, and takes down what there is to see.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures_util::{StreamExt as _, future::join_all, stream};
use gensx::{
    Backend, Client, ErrorKind, Event, RunId,
    queue::QueueStats,
    sink::{MAX_PAGE, RunFilter, RunPage},
};
use gensx_test_servers::{Proxy, RedisServer};
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};

use crate::{
    fleet::Fleet,
    ledger::{self, Line},
    program::{INPUT, asks},
    stream::read,
    trouble::{Done, Struck, strike_at_store},
};

/// Runs, unless it is a soak.
const RUNS: u64 = 2_000;
/// Between two starts: they are spread over the time in which Redis is struck at.
const START_INTERVAL: Duration = Duration::from_millis(15);
/// How long whoever answers a run takes, in milliseconds: some runs are parked by then.
const THOUGHT_MS: std::ops::Range<u64> = 0..1_500;
/// How long all runs may take to end, from the last start.
const END_LIMIT: Duration = Duration::from_secs(180);
/// How long the last of anything may stay in the queue after that.
const EMPTY_LIMIT: Duration = Duration::from_secs(30);
/// The wait before something is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Runs that a failure shows.
const SHOWN: usize = 8;
/// Streams that are read at once.
const READS_AT_ONCE: usize = 16;

/// A run, and everything that was seen of it.
pub(crate) struct Journey {
    pub(crate) n: u64,
    pub(crate) events: Vec<Event>,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Seen {
    pub(crate) seed: u64,
    pub(crate) journeys: Vec<Journey>,
    pub(crate) done: Done,
    /// Keys of Redis that hold something of a queue.
    pub(crate) left: BTreeSet<String>,
    pub(crate) stats: QueueStats,
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is to be a number, and is {text:?}")))
}

pub(crate) async fn within<F: Future>(what: &str, limit: Duration, future: F) -> F::Output {
    let given = tokio::time::timeout(limit, future).await;
    given.unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
}

pub(crate) fn live() -> Seen {
    let seed = number_from("GENSX_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("GENSX_CHAOS_SEED={seed}");
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // In a task, so that Redis can be started again on its thread while the others go on.
    executor.block_on(async { tokio::spawn(chaos(seed)).await.unwrap() })
}

async fn chaos(seed: u64) -> Seen {
    let (mut random, began) = (Rng::with_seed(seed), Instant::now());
    // What was answered is on the disk: whatever is missing afterwards is a fault.
    let mut server =
        RedisServer::builder().option("appendonly", "yes").option("appendfsync", "always").start();
    let proxy = Proxy::start(server.port(), random.u64(..)).await;
    let client = Client::new(gensx::backend_from_url(&proxy.url()).await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut struck = Struck::begin(Fleet::new(proxy.url(), folder.path()));
    let over = AtomicBool::new(false);
    let strikes = random.fork();
    let works = async {
        let runs = start_all(&client, &mut random).await;
        println!("{runs} runs were started in {:.1} s", began.elapsed().as_secs_f64());
        until_empty(&client, END_LIMIT).await;
        over.store(true, Ordering::Relaxed);
        runs
    };
    let (runs, (), store) =
        tokio::join!(works, struck.strike_until(&over, strikes), strike_at_store(&proxy, &mut server, &over));
    // A release whose answer was lost is made up for when the lease is over, while workers live.
    until_empty(&client, EMPTY_LIMIT).await;
    println!("all have ended after {:.1} s", began.elapsed().as_secs_f64());
    let (workers, processes) = struck.end().await;
    until_no_worker(&client).await;
    let direct = gensx::backend_from_url(&server.url()).await.unwrap();
    let filter = RunFilter::new().unfinished();
    let RunPage { runs: mut unfinished, next, .. } =
        direct.sink().list(&filter, None, MAX_PAGE).await.unwrap();
    assert_eq!(next, None, "there are more that have not ended than a page holds");
    // A worker that is killed while its sink opens leaves the run of its probe behind.
    unfinished.retain(|run| !run.id.as_str().starts_with("gensx-probe-"));
    assert_eq!(unfinished, [], "have not ended, and are not queued");
    let journeys = journeys(&direct, runs, folder.path()).await;
    println!("all were read after {:.1} s; there were {processes} workers", began.elapsed().as_secs_f64());
    Seen {
        seed,
        journeys,
        done: Done { cut_offs: store.cut_offs, restarts: store.restarts, ..workers },
        left: left(&server),
        stats: client.stats().await.unwrap(),
    }
}

fn run_id(n: u64) -> RunId {
    format!("journey-{n}").parse().unwrap()
}

/// Starts runs at an even pace, and gives how many. Each is answered, if it asks.
async fn start_all(client: &Client, random: &mut Rng) -> u64 {
    let soak = number_from("GENSX_SOAK_SECONDS").map(Duration::from_secs);
    let (began, mut ticks, mut starts) = (Instant::now(), interval(START_INTERVAL), JoinSet::new());
    let repeated = Arc::new(AtomicU64::new(0));
    let mut runs = 0;
    while soak.map_or(runs < RUNS, |time| began.elapsed() < time) {
        ticks.tick().await;
        let thought = Duration::from_millis(random.u64(THOUGHT_MS));
        starts.spawn(start(client.clone(), runs, thought, Arc::clone(&repeated)));
        runs += 1;
    }
    let all = async {
        while let Some(started) = starts.join_next().await {
            started.unwrap();
        }
    };
    within("the starts", END_LIMIT, all).await;
    println!("{} requests of the client failed, and were repeated", repeated.load(Ordering::Relaxed));
    runs
}

/// Starts a run, and answers it if it asks, however often each takes.
async fn start(client: Client, n: u64, thought: Duration, repeated: Arc<AtomicU64>) {
    let run = run_id(n);
    while let Err(error) = client.start("journey", &n).id(run.clone()).await {
        assert_eq!(error.kind(), ErrorKind::Sink, "{error:#}");
        repeated.fetch_add(1, Ordering::Relaxed);
        sleep(ASK_AGAIN).await;
    }
    if !asks(n) {
        return;
    }
    sleep(thought).await;
    while let Err(error) = client.send(&run, INPUT, &n, Some(INPUT)).await {
        match error.kind() {
            // It was sent, and all that the run waited for.
            ErrorKind::Sink if has_ended(&client, &run).await => return,
            // Without a stream, its worker has not come to open it.
            ErrorKind::Sink | ErrorKind::NotFound => {}
            _ => panic!("{error:#}"),
        }
        repeated.fetch_add(1, Ordering::Relaxed);
        sleep(ASK_AGAIN).await;
    }
}

async fn has_ended(client: &Client, run: &RunId) -> bool {
    client.run(run).status().await.is_ok_and(|status| status.is_ended())
}

async fn until_empty(client: &Client, limit: Duration) {
    let mut last = None;
    let began = Instant::now();
    loop {
        if let Ok(stats) = client.stats().await {
            if stats == QueueStats::default() {
                return;
            }
            last = Some(stats);
        }
        if began.elapsed() > limit {
            panic!("after {limit:?} there are still {last:?}: {:#?}", unfinished(client).await);
        }
        sleep(ASK_AGAIN).await;
    }
}

/// Some of the runs that have not ended, and where they stand: for who looks into a failure.
async fn unfinished(client: &Client) -> Vec<String> {
    let page = client.list().unfinished().limit(SHOWN).await.unwrap_or_default();
    let shown = page
        .runs
        .iter()
        .map(|run| async move { format!("{} at {}: {:?}", run.id, run.last, client.find(&run.id).await) });
    join_all(shown).await
}

/// Until those that were killed count as dead.
async fn until_no_worker(client: &Client) {
    let looks = async {
        while !client.deployments().await.unwrap().is_empty() {
            sleep(ASK_AGAIN).await;
        }
    };
    within("the last worker to be forgotten", EMPTY_LIMIT, looks).await;
}

async fn journeys(backend: &Backend, runs: u64, ledgers: &std::path::Path) -> Vec<Journey> {
    let mut lines = ledger::read(ledgers);
    let each =
        stream::iter(0..runs).map(|n| async move { (n, read(backend.sink().as_ref(), &run_id(n)).await) });
    let streams: Vec<_> = each.buffered(READS_AT_ONCE).collect().await;
    let journey = |(n, events): (u64, Vec<Event>)| Journey {
        n,
        events,
        lines: lines.remove(run_id(n).as_str()).unwrap_or_default(),
    };
    let journeys = streams.into_iter().map(journey).collect();
    assert!(lines.is_empty(), "bodies of runs that nobody started: {lines:?}");
    journeys
}

/// What a worker's last claim gave expires by itself.
fn left(server: &RedisServer) -> BTreeSet<String> {
    let all = server.command(&["KEYS", "gensx:{gensx:queue}:*"]);
    all.lines().filter(|key| !key.is_empty() && !key.contains(":given:")).map(str::to_owned).collect()
}
