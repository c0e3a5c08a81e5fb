//! A file that fails while runs are queued in it: locked, full, damaged.

mod common;

use std::{sync::Arc, time::Duration};

use common::{jobs::*, *};
use gensx_core::{
    QueueErrorKind, RunQueue as _,
    queue::{
        Announce, Due, Enqueue, Enqueued, IdempotencyKey, Limit, Park, QueueState, Release, Released,
        Removed, Renewal, Renewed, Wake,
    },
};
use gensx_sqlite::SqliteSink;
use rusqlite::Connection;

#[tokio::test]
async fn a_locked_file_is_unavailable_and_nothing_is_lost() {
    let (_folder, file) = place();
    let sink = SqliteSink::builder(&file).busy_timeout(Duration::from_millis(20)).open().await.unwrap();
    let queue = sink.queue();
    for run in ["held", "waiting"] {
        put(&queue, &entry(run)).await;
    }
    let held = claim(&queue, 1).await.remove(0);
    let (lease, run) = (&held.lease, &held.lease.run);
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let announce = Announce { worker: ask(1, LONG).worker, draining: false, ttl: LONG };
    let renewal = Renewal { lease: lease.clone(), opened: false, progressed: false };
    let refusals = [
        refused(queue.enqueue(&entry("late")).await, "run `late`"),
        refused(queue.claim(&ask(9, LONG)).await, "busy timeout"),
        refused(queue.renew(std::slice::from_ref(&renewal), LONG).await, "1 leases"),
        refused(queue.release(lease, &Release::Done, true).await, "run `held`"),
        refused(queue.wake(run, Wake::Now).await, "run `held`"),
        refused(queue.remove(&run_id("waiting")).await, "run `waiting`"),
        refused(queue.announce(&announce).await, "worker `worker`"),
    ];
    assert_eq!(refusals, [QueueErrorKind::Unavailable; 7]);
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.leased), (1, 1), "readers do not wait for writers");

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(queue.renew(&[renewal], LONG).await.unwrap(), [Renewed::Kept { wakes: 0 }]);
    done(&queue, &[held]).await;
    put(&queue, &entry("late")).await;
    let rest = claim(&queue, 9).await;
    assert_eq!(names(&rest), ["waiting", "late"]);
    done(&queue, &rest).await;
    assert_eq!(rows(&file), []);
}

#[tokio::test]
async fn a_full_file_is_unavailable_and_loses_nothing() {
    let (_folder, file) = place();
    let sink = SqliteSink::builder(&file).max_bytes(1 << 20).open().await.unwrap();
    let queue = sink.queue();
    let first: gensx_core::sink::Payload = vec![b'x'; 3_000].into();
    let mut put = 0;
    let error = loop {
        let key = Some(IdempotencyKey { key: format!("key-{put}").into(), ttl: LONG });
        let entry = Enqueue { first: Some(Arc::clone(&first)), key, ..entry(&format!("run-{put}")) };
        match queue.enqueue(&entry).await {
            Ok(answer) => assert_eq!(answer, Enqueued::Fresh),
            Err(error) => break error,
        }
        put += 1;
        assert!(put < 1_000, "the bound was not kept");
    };
    assert_eq!(error.kind(), QueueErrorKind::Unavailable);
    let text = error.to_string();
    assert!(text.contains(&format!("run `run-{put}`")) && text.contains("no room"), "{text}");
    assert_eq!(queue.find(&run_id(&format!("run-{put}"))).await.unwrap(), None);

    // What waits can be worked off, and makes room.
    let mut came = 0;
    loop {
        let grants = claim(&queue, 64).await;
        if grants.is_empty() {
            break;
        }
        assert!(grants.iter().all(|grant| grant.first.as_ref() == Some(&first)));
        came += grants.len();
        done(&queue, &grants).await;
    }
    assert_eq!(came, put);
    common::jobs::put(&queue, &Enqueue { first: Some(first), ..entry("next") }).await;
}

#[tokio::test]
async fn a_first_event_that_no_row_holds_is_refused() {
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let first = vec![0; (64 << 20) + 1].into();
    let large = Enqueue { first: Some(first), ..entry("large") };
    assert_eq!(refused(queue.enqueue(&large).await, "run `large`"), QueueErrorKind::TooLarge);
    assert_eq!(rows(&file), []);
}

const DAMAGES: [&str; 8] = [
    "place = 77",
    "place = 0, due_ms = 1",
    "place = 3",
    "claims = -1",
    "wakes = -7",
    "since_ms = -1",
    "place = 1, due_ms = -5",
    "bound = CAST(x'ff' AS TEXT)",
];

fn damage(file: &std::path::Path, damage: &str) {
    let statement = format!("UPDATE queue_runs SET {damage} WHERE run = 'damaged'");
    assert_eq!(Connection::open(file).unwrap().execute(&statement, []).unwrap(), 1, "{damage}");
}

/// The damaged run is nobody's failure but its own, and can be put right.
async fn set_right(queue: &gensx_sqlite::SqliteQueue, at: &str) {
    let run = run_id("damaged");
    for round in ["before", "after"] {
        let at = format!("{at}, {round} a claim");
        let claimed = queue.claim(&ask(9, LONG)).await.unwrap_or_else(|error| panic!("{at}: {error}"));
        let came = names(&claimed.grants);
        assert_eq!(came, if round == "before" { vec!["behind", "whole"] } else { vec![] }, "{at}");
        assert!(claimed.next_due.is_none_or(|due| due > Duration::from_secs(1)), "{at}: {claimed:?}");
        assert_eq!(refused(queue.find(&run).await, "remove it"), QueueErrorKind::Corrupt, "{at}");
        done(queue, &claimed.grants).await;
    }
    assert_eq!(refused(queue.wake(&run, Wake::Now).await, "run `damaged`"), QueueErrorKind::Corrupt, "{at}");
    assert_eq!(queue.enqueue(&entry("damaged")).await.unwrap(), Enqueued::Known(run.clone()), "{at}");
    assert_eq!(queue.remove(&run).await.unwrap(), Removed::Removed, "{at}");
    put(queue, &entry("damaged")).await;
    let grants = claim(queue, 9).await;
    assert_eq!(names(&grants), ["damaged"], "{at}");
    done(queue, &grants).await;
}

#[tokio::test]
async fn a_damaged_run_that_is_ready_is_in_nobodys_way() {
    for wrong in DAMAGES {
        let (_folder, file) = place();
        let queue = open_queue(&file).await;
        let only = vec![Limit { name: "group".into(), key: "key".into(), max: 1 }];
        put(&queue, &Enqueue { limits: only.clone(), priority: 1, ..entry("damaged") }).await;
        put(&queue, &Enqueue { limits: only, priority: 1, ..entry("behind") }).await;
        put(&queue, &entry("whole")).await;
        damage(&file, wrong);
        set_right(&queue, wrong).await;
    }
}

#[tokio::test]
async fn a_damaged_run_that_is_due_is_in_nobodys_way() {
    for wrong in ["place = 77", "place = 0", "place = 4", "place = 3", "claims = -1"] {
        let (_folder, file) = place();
        let queue = open_queue(&file).await;
        put(&queue, &Enqueue { due: Due::After(LONG), ..entry("damaged") }).await;
        put(&queue, &Enqueue { priority: 1, ..entry("behind") }).await;
        put(&queue, &entry("whole")).await;
        damage(&file, &format!("{wrong}, due_ms = 1"));
        set_right(&queue, wrong).await;
        assert_eq!(rows(&file).iter().filter(|(table, _)| table != "queue_state").count(), 0, "{wrong}");
    }
}

#[tokio::test]
async fn a_damaged_lease_costs_a_worker_no_other() {
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    for run in ["damaged", "whole"] {
        put(&queue, &entry(run)).await;
    }
    let leases: Vec<_> = claim(&queue, 2).await.into_iter().map(|grant| grant.lease).collect();
    damage(&file, "claims = -1");
    let renewal =
        |lease: &gensx_core::queue::Lease| Renewal { lease: lease.clone(), opened: false, progressed: false };
    let renewed = queue.renew(&leases.iter().map(renewal).collect::<Vec<_>>(), LONG).await.unwrap();
    assert_eq!(renewed, [Renewed::Lost, Renewed::Kept { wakes: 0 }]);
    let how = Release::Park(Park::for_message(0));
    let refusal = queue.release(&leases[0], &how, true).await;
    assert_eq!(refused(refusal, "run `damaged`"), QueueErrorKind::Corrupt);
    assert_eq!(queue.release(&leases[1], &how, true).await.unwrap(), Released::Released);
    let parked = queue.find(&leases[1].run).await.unwrap().unwrap();
    assert_eq!(parked.state, QueueState::Parked);
}

#[tokio::test]
async fn work_that_shares_a_commit_with_a_damaged_run_is_done() {
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    put(&queue, &entry("damaged")).await;
    damage(&file, "place = 77");
    let other = Connection::open(&file).unwrap();
    // While the file is locked, the calls queue up and come into one transaction.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let [one, two, three] = ["first", "second", "third"].map(entry);
    let damaged = run_id("damaged");
    let calls = async {
        tokio::join!(
            queue.enqueue(&one),
            queue.enqueue(&two),
            queue.wake(&damaged, Wake::Now),
            queue.enqueue(&three),
            async { other.execute_batch("COMMIT").unwrap() },
        )
    };
    let (first, second, woken, third, ()) = within("the calls", calls).await;
    assert_eq!(refused(woken, "run `damaged`"), QueueErrorKind::Corrupt);
    for answer in [first, second, third] {
        assert_eq!(answer.unwrap(), Enqueued::Fresh);
    }
    assert_eq!(names(&claim(&queue, 9).await), ["first", "second", "third"]);
}

#[tokio::test]
async fn tables_that_gensx_does_not_write_are_corrupt() {
    let key = Some(IdempotencyKey { key: "key".into(), ttl: LONG });
    let keyed = Enqueue { key, ..entry("run") };
    for (wrong, next) in [
        ("DELETE FROM queue_state", entry("next")),
        ("UPDATE queue_state SET ticks = -1", entry("next")),
        ("DROP TABLE queue_runs", entry("next")),
        ("UPDATE queue_keys SET run = 'no spaces'", keyed.clone()),
    ] {
        let (_folder, file) = place();
        let queue = open_queue(&file).await;
        put(&queue, &keyed).await;
        Connection::open(&file).unwrap().execute_batch(wrong).unwrap();
        let answer = queue.enqueue(&next).await;
        assert_eq!(refused(answer, "restore a backup"), QueueErrorKind::Corrupt, "{wrong}");
    }
}

const PAGE_BYTES: usize = 4_096;

/// The pages that the queue's rows begin on. The others of a new file say what tables there are: with those damaged, it is not
/// opened at all.
fn pages_of_rows(file: &std::path::Path) -> Vec<usize> {
    let file = Connection::open(file).unwrap();
    let roots = "SELECT rootpage FROM sqlite_schema WHERE rootpage > 1 AND tbl_name LIKE 'queue%'";
    let mut statement = file.prepare(roots).unwrap();
    let pages = statement.query_map([], |row| row.get::<_, u32>(0)).unwrap();
    pages.map(|page| page.unwrap() as usize).collect()
}

/// Damages a closed file's bytes, and uses the queue in it: each call must be answered.
async fn survive(seed: usize) -> Vec<QueueErrorKind> {
    let (_folder, file) = place();
    let queue = open_queue(&file).await;
    let pages = pages_of_rows(&file);
    for n in 0..60 {
        let limits = vec![Limit { name: "group".into(), key: format!("{}", n % 3).into(), max: 2 }];
        let due = if n % 4 == 0 { Due::After(LONG) } else { Due::Now };
        put(&queue, &Enqueue { limits, due, ..entry(&format!("run-{n}")) }).await;
    }
    let held = claim(&queue, 4).await;
    drop(queue);
    Connection::open(&file).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    // The places differ from seed to seed, and fall into every page.
    for i in 0..200 {
        let page = pages[(seed + i) % pages.len()] - 1;
        bytes[page * PAGE_BYTES + (seed * 7_919 + i * 104_729) % PAGE_BYTES] ^= 1 << ((seed + i) % 8);
    }
    std::fs::write(&file, bytes).unwrap();

    let sink = match within("opening", SqliteSink::open(&file)).await {
        Ok(sink) => sink,
        Err(error) => panic!("seed {seed}: {error}"),
    };
    let queue = sink.queue();
    let mut kinds = Vec::new();
    within(&format!("using, seed {seed}"), async {
        for _ in 0..4 {
            kinds.extend(queue.claim(&ask(9, LONG)).await.err().map(|error| error.kind()));
        }
        kinds.extend(queue.enqueue(&entry("late")).await.err().map(|error| error.kind()));
        for grant in &held {
            kinds.extend(
                queue.release(&grant.lease, &Release::Back, true).await.err().map(|error| error.kind()),
            );
        }
        for n in 0..60 {
            let run = run_id(&format!("run-{n}"));
            kinds.extend(queue.find(&run).await.err().map(|error| error.kind()));
            kinds.extend(queue.wake(&run, Wake::Now).await.err().map(|error| error.kind()));
            kinds.extend(queue.remove(&run).await.err().map(|error| error.kind()));
        }
        kinds.extend(queue.stats().await.err().map(|error| error.kind()));
        kinds.extend(queue.deployments().await.err().map(|error| error.kind()));
        kinds.extend(queue.dead(None, 99).await.err().map(|error| error.kind()));
        kinds.extend(queue.wait(&ask(9, LONG), 0).await.err().map(|error| error.kind()));
    })
    .await;
    let typed = [QueueErrorKind::Corrupt, QueueErrorKind::Unavailable, QueueErrorKind::Config];
    assert!(kinds.iter().all(|kind| typed.contains(kind)), "seed {seed}: {kinds:?}");
    kinds
}

#[tokio::test]
async fn a_file_with_damaged_bytes_gives_typed_errors() {
    let mut noticed = 0;
    for seed in 0..40 {
        noticed += usize::from(!survive(seed).await.is_empty());
    }
    assert!(noticed >= 30, "only {noticed} of 40 damaged files were noticed");
}
