//! Several processes that work off one queue, some of which are killed. The others are this same program, started again with a
//! part to play.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use common::{jobs::*, other::*, *};
use gensx_core::{
    EventId, EventSink as _, RunId, RunQueue as _, RunStatus,
    queue::{
        Announce, Claim, Due, Enqueue, Grant, Limit, Park, Release, Released, Renewal, Wake, Worker, WorkerId,
    },
    sink::{Append, Batch, BatchKind, BatchToken, RunFilter},
};
use gensx_sqlite::{SqliteQueue, SqliteSink};
use gensx_test_servers::harness;
use rusqlite::Connection;

const CASES: [(&str, fn()); 3] = [
    ("each_run_is_done_once_while_workers_are_killed", || {
        block_on(each_run_is_done_once_while_workers_are_killed());
    }),
    ("a_wait_ends_for_what_another_process_queues", || {
        block_on(a_wait_ends_for_what_another_process_queues());
    }),
    ("what_a_killed_client_queued_is_there", || block_on(what_a_killed_client_queued_is_there())),
];

fn main() -> ExitCode {
    if let Ok(part) = std::env::var(PART) {
        block_on(play(&part));
        return ExitCode::SUCCESS;
    }
    harness::run(&CASES.map(|(name, run)| harness::Case { name: name.to_owned(), run: Box::new(run) }))
}

fn block_on(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
}

async fn play(part: &str) {
    let file = PathBuf::from(std::env::var(FILE).unwrap());
    match part {
        "obey" => obey(&open_queue(&file).await).await,
        "fill" => put_without_end(&open_queue(&file).await).await,
        name => Hand::start(name, &file).await.work().await,
    }
}

/// Queues a run when it is told its name.
async fn obey(queue: &SqliteQueue) {
    println!("ready");
    for line in std::io::stdin().lines() {
        put(queue, &entry(&line.unwrap())).await;
    }
}

/// Queues runs, and says each that was acknowledged.
async fn put_without_end(queue: &SqliteQueue) {
    for n in queue.stats().await.unwrap().ready.. {
        let first = Some(format!("first {n}").into_bytes().into());
        queue.enqueue(&Enqueue { first, ..entry(&format!("run-{n}")) }).await.unwrap();
        println!("{n}");
    }
}

const RUNS: usize = 2_000;
const HANDS: usize = 3;
const KILLS: usize = 12;
/// Long enough for a worker on a busy machine to renew in time, short enough to wait for.
const LEASE: Duration = Duration::from_secs(3);
const RENEW_INTERVAL: Duration = Duration::from_millis(500);
/// The longest that a worker waits before it looks again by itself.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Where work leaves its trace, outside the database: one line for each time that a run's body was executed.
fn ledger(file: &Path) -> PathBuf {
    file.with_extension("ledger")
}

/// A worker.
struct Hand {
    worker: Worker,
    sink: SqliteSink,
    queue: SqliteQueue,
    ledger: File,
    file: PathBuf,
}

impl Hand {
    async fn start(name: &str, file: &Path) -> Self {
        let sink = open(file).await;
        let ledger = OpenOptions::new().append(true).create(true).open(ledger(file)).unwrap();
        let worker = Worker { id: WorkerId::from_text(name), deployment: "v1".into() };
        Self { worker, queue: sink.queue(), sink, ledger, file: file.to_owned() }
    }

    /// Works until there is nothing left.
    async fn work(mut self) {
        let ask = Claim { worker: self.worker.clone(), ..ask(16, LEASE) };
        loop {
            let announce = Announce { worker: self.worker.clone(), draining: false, ttl: LEASE };
            self.queue.announce(&announce).await.unwrap();
            let claimed = self.queue.claim(&ask).await.unwrap();
            if claimed.grants.is_empty() {
                let stats = self.queue.stats().await.unwrap();
                if stats.ready + stats.held + stats.delayed + stats.parked + stats.leased == 0 {
                    break;
                }
                let most = claimed.next_due.map_or(LOOK_INTERVAL, |due| due.min(LOOK_INTERVAL));
                let wait = self.queue.wait(&ask, claimed.cursor);
                let _ = tokio::time::timeout(most, wait).await.map(Result::unwrap);
            }
            self.work_off(claimed.grants).await;
        }
        let gone = Announce { worker: self.worker.clone(), draining: true, ttl: Duration::ZERO };
        self.queue.announce(&gone).await.unwrap();
        println!("done");
    }

    async fn work_off(&mut self, grants: Vec<Grant>) {
        let mut renewed = Instant::now();
        for (n, grant) in grants.iter().enumerate() {
            if renewed.elapsed() > RENEW_INTERVAL {
                let held = grants[n..].iter();
                let held: Vec<_> = held
                    .map(|grant| Renewal { lease: grant.lease.clone(), opened: false, progressed: false })
                    .collect();
                self.queue.renew(&held, LEASE).await.unwrap();
                renewed = Instant::now();
            }
            self.work_on(grant).await;
        }
    }

    /// Takes the run's stream over, executes it, and ends it: what is not ended was not done. Some park once on the way.
    async fn work_on(&mut self, grant: &Grant) {
        let run = &grant.lease.run;
        let head = self.sink.head(run).await.unwrap();
        if head.as_ref().is_some_and(|head| head.status != RunStatus::Running) {
            self.release(grant, Release::Done).await;
            return;
        }
        let last = head.map_or(EventId::new(0, 0), |head| head.last);
        let first = EventId::new(last.epoch + 1, last.seq + 1);
        let kind = if last.seq == 0 {
            BatchKind::Opens(WORKFLOW.into())
        } else {
            BatchKind::Claims { deployment: None }
        };
        if !self.append(run, first, kind, None).await {
            self.release(grant, Release::Back).await;
            return;
        }
        if last.seq == 0 && parks(run) {
            let due = Some(Due::After(Duration::from_millis(20)));
            self.release(grant, Release::Park(Park { due, on_message: false, seen_wakes: grant.wakes }))
                .await;
            return;
        }
        // In one write: those of other processes are not mixed in, and none is cut in two.
        self.ledger.write_all(format!("{run} {}\n", self.worker.id).as_bytes()).unwrap();
        let end = EventId::new(first.epoch, first.seq + 1);
        if self.append(run, end, BatchKind::Continues, Some(RunStatus::Succeeded)).await {
            self.release(grant, Release::Done).await;
        } else {
            // Its lease ran out in the middle, on a machine that stood still for so long: it is not the one who did it.
            println!("fenced {run} {}", self.worker.id);
        }
    }

    /// Whether this worker is the owner.
    async fn append(&self, run: &RunId, first: EventId, kind: BatchKind, closes: Option<RunStatus>) -> bool {
        let token = BatchToken { owner: std::process::id().into(), number: first.seq };
        let batch = Batch { first, token, kind, closes, ..batch(run, 0, 0, "work") };
        match self.sink.append(&batch).await.unwrap() {
            Append::Done => true,
            Append::Fenced | Append::Ended => false,
            answer => panic!("{answer:?} to {batch:?} in {}", self.file.display()),
        }
    }

    async fn release(&self, grant: &Grant, how: Release) {
        // Lost: the lease ran out, on a machine that stood still for so long. Another worker has the run then.
        let released = self.queue.release(&grant.lease, &how, true).await.unwrap();
        assert!(matches!(released, Released::Released | Released::Lost), "{released:?} of {grant:?}");
    }
}

fn number(run: &RunId) -> usize {
    run.as_str()["run-".len()..].parse().unwrap()
}

fn parks(run: &RunId) -> bool {
    number(run).is_multiple_of(7)
}

/// Runs with and without limits, some of which are due a little later.
fn mixed(n: usize) -> Enqueue {
    let key = format!("customer-{}", n % 11);
    let limit = |name: &str, key: &str, max| Limit { name: name.into(), key: key.into(), max };
    let limits = match n % 3 {
        0 => Vec::new(),
        1 => vec![limit("customers", &key, 4)],
        _ => vec![limit("whole", "", 20), limit("customers", &key, 4)],
    };
    let due = if n.is_multiple_of(5) { Due::After(Duration::from_millis(n as u64)) } else { Due::Now };
    Enqueue { limits, due, priority: (n % 3) as i8, ..entry(&format!("run-{n}")) }
}

async fn each_run_is_done_once_while_workers_are_killed() {
    let (_folder, file) = place();
    let (sink, mut killed, mut fenced) = (open(&file).await, BTreeSet::new(), BTreeSet::new());
    let queue = sink.queue();
    for n in 0..RUNS {
        put(&queue, &mixed(n)).await;
    }
    let mut started = 0;
    let mut hand = || {
        started += 1;
        let name = format!("hand-{started}");
        (Other::start(&name, &file), name)
    };
    let mut hands: Vec<_> = (0..HANDS).map(|_| hand()).collect();
    for kill in 1..=KILLS {
        // Each in the middle of its work, at another point of it.
        let worked = kill * RUNS / (KILLS + 3);
        until("some work is done", async || work(&file).len() >= worked).await;
        let victim = kill % HANDS;
        let (mut other, name) = std::mem::replace(&mut hands[victim], hand());
        fenced.extend(other.kill());
        killed.insert(name);
    }
    for (other, _) in &hands {
        while let line = other.line()
            && line != "done"
        {
            fenced.insert(line);
        }
    }
    check(&file, &sink, |run, worker| {
        killed.contains(worker) || fenced.contains(&format!("fenced {run} {worker}"))
    })
    .await;
    until("nothing is left of the dead", async || {
        queue.claim(&ask(9, LONG)).await.unwrap();
        rows(&file).is_empty()
    })
    .await;
    let (executions, fenced) = (work(&file).len(), fenced.len());
    println!("{executions} executions of {RUNS} runs, {KILLS} workers killed, {fenced} fenced");
}

/// What the ledger says: run, worker.
fn work(file: &Path) -> Vec<(RunId, String)> {
    let text = std::fs::read_to_string(ledger(file)).unwrap_or_default();
    let entry = |line: &str| {
        let (run, worker) = line.split_once(' ').unwrap();
        (run_id(run), worker.to_owned())
    };
    text.lines().map(entry).collect()
}

/// Each run was executed, and ended once; only what a worker did not come to the end of was executed again.
async fn check(file: &Path, sink: &SqliteSink, did_not_end: impl Fn(&RunId, &String) -> bool) {
    let mut times: BTreeMap<RunId, Vec<String>> = BTreeMap::new();
    for (run, worker) in work(file) {
        times.entry(run).or_default().push(worker);
    }
    assert_eq!(times.len(), RUNS, "some runs were never executed");
    for (run, workers) in &times {
        let unfinished = &workers[..workers.len() - 1];
        assert!(unfinished.iter().all(|worker| did_not_end(run, worker)), "{run} was done by {workers:?}");
        let head = sink.head(run).await.unwrap().unwrap();
        assert_eq!(head.status, RunStatus::Succeeded, "{run}");
        let entries = read_all(sink, run).await.unwrap();
        assert!((1..).zip(&entries).all(|(seq, entry)| entry.id.seq == seq), "{run} has a hole");
    }
    assert_eq!(sink.list(&RunFilter::new().unfinished(), None, 10).await.unwrap().runs.len(), 0);
    let file = Connection::open(file).unwrap();
    let whole: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}

async fn a_wait_ends_for_what_another_process_queues() {
    const ROUNDS: usize = 60;
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let mut other = Other::start("obey", &file);
    assert_eq!(other.line(), "ready");
    let mut waits = Vec::new();
    for round in 0..ROUNDS {
        let claimed = queue.claim(&ask(9, LONG)).await.unwrap();
        assert_eq!(claimed.grants.len(), 0);
        let began = Instant::now();
        let (ask, name) = (ask(9, LONG), format!("run-{round}"));
        let wait = queue.wait(&ask, claimed.cursor);
        let told = async { other.tell(&name) };
        within("an enqueue by another process", async { tokio::join!(wait, told).0.unwrap() }).await;
        waits.push(began.elapsed());
        let grants = claim(&queue, 9).await;
        assert_eq!(names(&grants), [name]);
        done(&queue, &grants).await;
    }
    waits.sort();
    let median = waits[ROUNDS / 2];
    println!(
        "told, queued by another process and heard of after {median:?}, the longest {:?}",
        waits[ROUNDS - 1]
    );
    // It looks every 10 ms; the rest is the way to the other process and a machine that is busy.
    assert!(median < Duration::from_millis(100), "{waits:?}");
}

async fn what_a_killed_client_queued_is_there() {
    const KILLS: usize = 6;
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let mut acknowledged = 0;
    for kill in 1..=KILLS {
        let mut other = Other::start("fill", &file);
        for _ in 0..30 * kill {
            acknowledged = other.line().parse::<usize>().unwrap() + 1;
        }
        acknowledged = other.kill().last().map_or(acknowledged, |line| line.parse::<usize>().unwrap() + 1);
        let ready = queue.stats().await.unwrap().ready as usize;
        // At most the one that was under way is there besides.
        assert!(ready == acknowledged || ready == acknowledged + 1, "{ready}, {acknowledged} acknowledged");
    }
    let mut came = 0;
    loop {
        let grants = claim(&queue, 64).await;
        if grants.is_empty() {
            break;
        }
        for grant in &grants {
            let first = grant.first.as_ref().map(|first| first.to_vec());
            assert_eq!(first, Some(format!("first {came}").into_bytes()), "{:?}", grant.lease.run);
            assert!(queue.wake(&grant.lease.run, Wake::Message).await.unwrap());
            came += 1;
        }
        done(&queue, &grants).await;
    }
    assert!(came >= acknowledged, "{came}, {acknowledged} acknowledged");
    assert_eq!(rows(&file), []);
}
