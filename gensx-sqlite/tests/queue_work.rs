//! How the queue goes about its work: what it costs, how soon it is told, in what steps.

mod common;

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant, SystemTime},
};

use common::{jobs::*, *};
use gensx_core::{
    EventSink as _, RunQueue as _,
    queue::{
        Announce, Due, Enqueue, Enqueued, Limit, MAX_CLAIM, MAX_DUE_PER_CALL, Release, Renewal, Renewed,
        Wake, Wanted, Worker, WorkerId,
    },
    sink::RunFilter,
};
use gensx_sqlite::SqliteQueue;
use rusqlite::Connection;

async fn cursor(queue: &SqliteQueue) -> u64 {
    queue.claim(&ask(0, LONG)).await.unwrap().cursor
}

/// Queues many, as many at once as come.
async fn put_many(queue: &SqliteQueue, entries: Vec<Enqueue>) {
    let put = |entry: Enqueue| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.enqueue(&entry).await })
    };
    for answer in entries.into_iter().map(put).collect::<Vec<_>>() {
        assert_eq!(within("an enqueue", answer).await.unwrap().unwrap(), Enqueued::Fresh);
    }
}

#[tokio::test]
async fn twenty_thousand_due_at_once_come_back_in_bounded_steps() {
    const RUNS: usize = 20_000;
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let at = Due::AtMs(now.as_millis() as u64 + 15_000);
    put_many(&queue, (0..RUNS).map(|n| Enqueue { due: at, ..entry(&format!("run-{n}")) }).collect()).await;
    // Their time comes: all at once, whenever that is.
    Connection::open(&file).unwrap().execute_batch("UPDATE queue_runs SET due_ms = 1").unwrap();
    let (mut came, mut claims, mut longest) = (BTreeSet::new(), 0, Duration::ZERO);
    while came.len() < RUNS {
        let began = Instant::now();
        let answer = within("a claim", queue.claim(&ask(MAX_CLAIM, LONG))).await.unwrap();
        longest = longest.max(began.elapsed());
        claims += 1;
        assert!(claims <= RUNS / MAX_DUE_PER_CALL + 2, "{} of {RUNS} after {claims} claims", came.len());
        came.extend(answer.grants.iter().map(|grant| grant.lease.run.clone()));
        let stats = queue.stats().await.unwrap();
        let back = stats.ready + stats.leased;
        assert!(back <= (claims * MAX_DUE_PER_CALL) as u64, "{back} came back after {claims} claims");
        let more = stats.delayed > 0;
        assert!(!more || answer.next_due == Some(Duration::ZERO), "{answer:?}");
        done(&queue, &answer.grants).await;
    }
    // It is a matter of the step's bound, not of how many are due.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert_eq!(rows(&file), []);
}

#[tokio::test]
async fn a_wait_in_this_process_ends_at_once() {
    const ROUNDS: u32 = 100;
    /// Much less than between two looks at the file: only the writer itself can have told.
    const AT_ONCE: Duration = Duration::from_millis(2);
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let ask = ask(1, LONG);
    let mut prompt = 0;
    for round in 0..ROUNDS {
        let cursor = cursor(&queue).await;
        let put = async {
            put(&queue, &entry(&format!("run-{round}"))).await;
            Instant::now()
        };
        let told = async {
            queue.wait(&ask, cursor).await.unwrap();
            Instant::now()
        };
        let (told, put) = within("a wait", async { tokio::join!(told, put) }).await;
        prompt += u32::from(told.saturating_duration_since(put) < AT_ONCE);
    }
    // Some may be late where the machine is busy.
    assert!(prompt > ROUNDS / 5, "only {prompt} of {ROUNDS} were told at once");
}

#[tokio::test]
async fn a_wait_ends_for_each_who_waits_and_for_what_was_missed() {
    let (_folder, file) = place();
    let (queue, other) = (open_queue(&file).await, open_queue(&file).await);
    let before = cursor(&queue).await;
    let waits: Vec<_> = (0..200)
        .map(|n| {
            let queue = if n % 2 == 0 { queue.clone() } else { other.clone() };
            tokio::spawn(async move { queue.wait(&ask(1, LONG), before).await })
        })
        .collect();
    tokio::task::yield_now().await;
    put(&queue, &entry("run")).await;
    for wait in waits {
        within("a wait", wait).await.unwrap().unwrap();
    }
    within("a wait for what was missed", other.wait(&ask(1, LONG), before)).await.unwrap();
}

#[tokio::test]
async fn who_finds_nothing_writes_nothing() {
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let full = vec![Limit { name: "group".into(), key: "key".into(), max: 1 }];
    for run in ["first", "second"] {
        put(&queue, &Enqueue { limits: full.clone(), ..entry(run) }).await;
    }
    assert_eq!(claim(&queue, 9).await.len(), 1);
    let looker = Connection::open(&file).unwrap();
    let version = || looker.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = version();
    for _ in 0..50 {
        assert_eq!(claim(&queue, 9).await.len(), 0);
        assert!(!queue.wake(&run_id("unknown"), Wake::Now).await.unwrap());
        queue.stats().await.unwrap();
    }
    assert_eq!(version(), before);
}

#[tokio::test]
async fn one_call_renews_any_number_of_leases() {
    const RUNS: usize = 2_500;
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    put_many(&queue, (0..RUNS).map(|n| entry(&format!("run-{n}"))).collect()).await;
    let mut renewals = Vec::new();
    while renewals.len() < RUNS {
        let grants = claim(&queue, MAX_CLAIM).await;
        assert!(!grants.is_empty());
        renewals.extend(grants.into_iter().map(|grant| Renewal {
            lease: grant.lease,
            opened: true,
            progressed: false,
        }));
    }
    let renewed = within("a renewal", queue.renew(&renewals, LONG)).await.unwrap();
    assert_eq!(renewed, vec![Renewed::Kept { wakes: 0 }; RUNS]);
}

#[tokio::test]
async fn a_limit_that_many_lanes_share_comes_to_each() {
    /// More than go on when one lease ends.
    const WORKFLOWS: usize = 300;
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let only = vec![Limit { name: "group".into(), key: "".into(), max: 1 }];
    let name = |n: usize| format!("workflow-{n}");
    let of = |n| Enqueue { limits: only.clone(), workflow: name(n).into(), ..entry(&format!("run-{n}")) };
    put(&queue, &Enqueue { limits: only.clone(), ..entry("first") }).await;
    let mut held = claim(&queue, 1).await;
    put_many(&queue, (0..WORKFLOWS).map(of).collect()).await;
    // A worker has room for 64 workflows in one claim, and asks for all of them in turns.
    let asks: Vec<_> = (0..WORKFLOWS)
        .step_by(64)
        .map(|from| {
            let names = (from..WORKFLOWS.min(from + 64)).map(name);
            let wanted = |name: String| Wanted { workflow: name.into(), policy: Default::default() };
            gensx_core::queue::Claim { workflows: names.map(wanted).collect(), ..ask(9, LONG) }
        })
        .collect();
    let mut came = 0;
    while came < WORKFLOWS {
        done(&queue, &held).await;
        held.clear();
        for ask in &asks {
            held.extend(queue.claim(ask).await.unwrap().grants);
            if !held.is_empty() {
                break;
            }
        }
        assert_eq!(held.len(), 1, "after {came}");
        came += 1;
    }
    done(&queue, &held).await;
    assert_eq!(rows(&file), []);
}

#[tokio::test]
async fn a_claim_gives_no_more_than_fits_into_memory() {
    const RUNS: usize = 20;
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    for n in 0..RUNS {
        let first = Some(vec![n as u8; 1 << 20].into());
        put(&queue, &Enqueue { first, ..entry(&format!("run-{n}")) }).await;
    }
    let mut came = Vec::new();
    while came.len() < RUNS {
        let answer = queue.claim(&ask(64, LONG)).await.unwrap();
        assert!(!answer.grants.is_empty() && answer.grants.len() <= 8, "{}", answer.grants.len());
        came.extend(answer.grants);
        // Whoever would wait for more must not: there is more.
        assert!(came.len() == RUNS || answer.next_due == Some(Duration::ZERO), "{:?}", answer.next_due);
    }
    done(&queue, &came).await;
    assert_eq!(rows(&file), []);
}

/// Has a run given up, and gives the queue's time at which it was.
async fn time(queue: &SqliteQueue) -> u64 {
    put(queue, &entry("clock")).await;
    let grants = claim(queue, 1).await;
    queue.release(&grants[0].lease, &Release::Dead, true).await.unwrap();
    let since_ms = queue.dead(None, 1).await.unwrap()[0].since_ms;
    queue.remove(&run_id("clock")).await.unwrap();
    since_ms
}

#[tokio::test]
async fn what_one_process_said_of_the_time_binds_the_others() {
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let now = time(&queue).await;
    let tell = |latest_ms: u64| {
        let file = Connection::open(&file).unwrap();
        file.execute("UPDATE queue_state SET latest_ms = ?1", [latest_ms as i64]).unwrap();
    };
    // As after the clock was set back a little: the time stands still until it has caught up.
    tell(now + 40_000);
    assert_eq!(time(&queue).await, now + 40_000);
    assert_eq!(time(&open_queue(&file).await).await, now + 40_000);
    // As after it had been a day ahead by mistake.
    tell(now + 86_400_000);
    assert!((now..now + 40_000).contains(&time(&queue).await));
}

#[tokio::test]
async fn a_dropped_call_may_be_repeated() {
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    for n in 0..40 {
        let entry = entry(&format!("run-{n}"));
        {
            let mut dropped = pin!(queue.enqueue(&entry));
            // The even ones are begun, the odd ones are not.
            if n % 2 == 0 {
                let _ = dropped.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        }
        let known = Enqueued::Known(entry.run.clone());
        let expected = if n % 2 == 0 { known } else { Enqueued::Fresh };
        assert_eq!(queue.enqueue(&entry).await.unwrap(), expected);
    }
    let grants = claim(&queue, 64).await;
    assert_eq!(grants.len(), 40);
    done(&queue, &grants).await;
}

#[tokio::test]
async fn a_queue_outlives_its_sink_and_its_process() {
    let (_folder, file) = place();
    let sink = open(&file).await;
    let queue = sink.queue();
    fill(&sink, &run_id("streamed"), 3).await;
    drop(sink);
    for n in 0..10 {
        put(&queue, &Enqueue { priority: n, ..entry(&format!("run-{n}")) }).await;
    }
    let held = claim(&queue, 1).await.remove(0);
    let before = queue.stats().await.unwrap();
    drop(queue);
    let sink = Arc::new(open(&file).await);
    assert_eq!(read_all(&sink, &run_id("streamed")).await.unwrap().len(), 3);
    let queue = sink.queue();
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.leased), (before.ready, before.leased));
    done(&queue, &[held]).await;
    assert_eq!(names(&claim(&queue, 2).await), ["run-8", "run-7"]);
    assert!(sink.list(&RunFilter::new().unfinished(), None, 10).await.unwrap().runs.len() == 1);
}

#[tokio::test]
async fn workers_that_fall_silent_leave_nothing() {
    const WORKERS: usize = 300;
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    for n in 0..WORKERS {
        let worker = Worker {
            id: WorkerId::from_text(format!("worker-{n}")),
            deployment: format!("v{}", n % 7).into(),
        };
        let announce = Announce { worker, draining: n % 3 == 0, ttl: Duration::from_millis(1) };
        queue.announce(&announce).await.unwrap();
    }
    until("the rows of silent workers go with claims", async || {
        claim(&queue, 1).await;
        rows(&file).is_empty()
    })
    .await;
    assert_eq!(queue.deployments().await.unwrap(), []);
    put(&queue, &entry("run")).await;
    let grants = claim(&queue, 1).await;
    queue.release(&grants[0].lease, &Release::Back, true).await.unwrap();
    assert_eq!(queue.deployments().await.unwrap().len(), 1);
}
