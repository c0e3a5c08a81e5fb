//! Very many readers of live runs in one process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gensx::{
    EventId, EventKind, EventSink, RunId,
    sink::{Append, Batch, BatchKind, BatchToken, Payload},
};
use gensx_test_servers::RedisServer;
use tokio::time::MissedTickBehavior;

use super::{plain::Plain, sink};
use crate::{
    idle::resident_bytes,
    measure::{Row, median, micros, wall},
};

const READERS: usize = 10_000;
const EVENTS: usize = 10_000;
const EVENTS_PER_SECOND: u32 = 1_000;
/// Additions of the baseline.
const ADDITIONS: usize = 500;
/// What delays are told apart by.
const BUCKET_US: u64 = 10;
/// Delays beyond are counted as this many buckets.
const BUCKETS: usize = 50_000;

/// Delivery to readers of many runs, and of few.
pub fn readers() -> Vec<Row> {
    [1_000, 100].into_iter().map(read).collect()
}

fn read(runs: usize) -> Row {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    tokio.block_on(async {
        let server = RedisServer::start();
        let (writing, reading) = (sink(&server).await, sink(&server).await);
        let runs: Arc<[RunId]> = (0..runs).map(|_| RunId::generate()).collect();
        for run in &*runs {
            append(&writing, run, 1, usize::MAX).await;
        }
        let watch = Arc::new(Watch::new());
        let before = resident_bytes();
        for n in 0..READERS {
            let (reading, run, watch) =
                (Arc::clone(&reading), runs[n % runs.len()].clone(), Arc::clone(&watch));
            tokio::spawn(follow(reading, run, watch));
        }
        watch.wait_until(|watch| watch.ready.load(Ordering::Relaxed) == READERS).await;
        let waiting = resident_bytes();
        let add = awaited_additions(&server).await;
        write(&writing, &runs, &watch).await;
        let readers_per_run = READERS / runs.len();
        watch.wait_until(|watch| watch.delivered() == EVENTS * readers_per_run).await;
        // While they wait, or with all that was delivered, whichever is more.
        let bytes = waiting.max(resident_bytes()).saturating_sub(before) / READERS as u64;
        Row {
            what: format!(
                "an append until {READERS} readers of {} runs have it, {EVENTS_PER_SECOND} a second, Redis",
                runs.len()
            ),
            gensx: format!("p50 {}, p99 {}", watch.percentile(50), watch.percentile(99)),
            baseline: format!(
                "{} (an awaited `XADD`), {} deliveries a second",
                micros(add),
                EVENTS_PER_SECOND as usize * readers_per_run
            ),
            answer: format!("{:.1} KiB a reader", bytes as f64 / 1024.0),
            goal: "p99 under 5 ms, under 16 KiB",
        }
    })
}

/// How long a plain client waits for one addition, while nobody else asks for anything.
async fn awaited_additions(server: &RedisServer) -> Duration {
    let plain = Plain::open(server).await;
    let mut took = Vec::new();
    for _ in 0..ADDITIONS {
        took.push(wall(plain.add("plain", b"event")).await.0);
    }
    median(took)
}

/// What readers saw, and when.
struct Watch {
    began: Instant,
    /// When each event's append began, in nanoseconds since the beginning.
    appended: Vec<AtomicU64>,
    delays: Vec<AtomicU32>,
    ready: AtomicUsize,
}

impl Watch {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            appended: (0..EVENTS).map(|_| AtomicU64::new(0)).collect(),
            delays: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect(),
            ready: AtomicUsize::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn appends(&self, event: usize) {
        self.appended[event].store(self.now(), Ordering::Relaxed);
    }

    fn seen(&self, event: usize) {
        let delay = self.now().saturating_sub(self.appended[event].load(Ordering::Relaxed));
        let bucket = (delay / 1_000 / BUCKET_US) as usize;
        self.delays[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    fn delivered(&self) -> usize {
        self.delays.iter().map(|count| count.load(Ordering::Relaxed) as usize).sum()
    }

    fn percentile(&self, percent: usize) -> String {
        let mut left = self.delivered() * percent / 100;
        let bucket = self.delays.iter().position(|count| {
            let count = count.load(Ordering::Relaxed) as usize;
            let found = count > left;
            left = left.saturating_sub(count);
            found
        });
        let micros = (bucket.unwrap_or(BUCKETS) as u64 + 1) * BUCKET_US;
        format!("{:.2} ms", micros as f64 / 1e3)
    }

    async fn wait_until(&self, done: impl Fn(&Self) -> bool) {
        let waits = async {
            while !done(self) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), waits).await.expect("readers that get on");
    }
}

async fn follow(sink: Arc<dyn EventSink>, run: RunId, watch: Arc<Watch>) {
    let mut events = gensx::sink::events(sink, run, None);
    while let Some(event) = events.next().await {
        let EventKind::Text { text, .. } = event.unwrap().kind else { continue };
        match text.parse() {
            Ok(event) => watch.seen(event),
            Err(_) => _ = watch.ready.fetch_add(1, Ordering::Relaxed),
        }
    }
}

async fn write(sink: &Arc<dyn EventSink>, runs: &[RunId], watch: &Watch) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / EVENTS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for event in 0..EVENTS {
        ticks.tick().await;
        watch.appends(event);
        append(sink, &runs[event % runs.len()], 2 + (event / runs.len()) as u64, event).await;
    }
}

/// An event whose text is its number, or says that it is the first.
async fn append(sink: &Arc<dyn EventSink>, run: &RunId, seq: u64, event: usize) {
    let text = if seq == 1 { "first".to_owned() } else { event.to_string() };
    let json = format!(r#"{{"v":1,"type":"text","time":0,"name":"draft","text":"{text}"}}"#);
    let batch = Batch {
        run: run.clone(),
        first: EventId::new(1, seq),
        token: BatchToken { owner: 1, number: seq },
        payloads: vec![Payload::from(json.as_bytes())],
        kind: if seq == 1 { BatchKind::Opens("readers".into()) } else { BatchKind::Continues },
        closes: None,
    };
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
}
