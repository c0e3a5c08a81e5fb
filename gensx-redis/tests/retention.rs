//! What a run costs, how long it is kept, and that nothing of it is left after.

#[path = "support/events.rs"]
mod events;
#[path = "support/lists.rs"]
mod lists;

use std::{sync::Arc, time::Duration};

use gensx_core::{
    ErrorKind, EventId, EventSink, RunId,
    SinkErrorKind::NotFound,
    sink::{Append, Batch, BatchKind, Inbox as _, Message, Opening, Payload, RunFilter, events},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use self::{
    events::{closing, next, opening, run_id, soon, text},
    lists::{end, number, places, shard, write},
};

async fn send(sink: &RedisSink, run: &RunId) {
    let message = Message { number: 0, name: "m".into(), body: "1".into(), id: None };
    sink.send(run, message).await.unwrap();
}

fn memory(server: &RedisServer) -> i64 {
    let info = server.command(&["INFO", "memory"]);
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:").map(str::to_owned));
    used.unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn an_ended_small_run_takes_no_more_than_1536_bytes() {
    const RUNS: i64 = 500;
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let run = run_id("one");
    write(&sink, &run, 11).await;
    end(&sink, &run, 12).await;
    let stream = number(&server, &["MEMORY", "USAGE", "gensx:{one}:ev"]);
    // With its places in the lists, and with what a key costs besides.
    let before = memory(&server);
    for n in 0..RUNS {
        let run = run_id(&format!("run-{n}"));
        write(&sink, &run, 11).await;
        end(&sink, &run, 12).await;
    }
    let each = (memory(&server) - before) / RUNS;
    println!("{stream} bytes for the stream, {each} for all of it");
    assert!(stream <= 1_536 && each < 1_536, "an ended run takes {each} bytes, its stream {stream}");
    assert_eq!(sink.read(&run, 0, 99).await.unwrap().len(), 12, "it is read as before");
    assert_eq!(sink.append(&closing(&run, EventId::new(1, 13))).await.unwrap(), Append::Ended);
}

#[tokio::test]
async fn an_event_takes_at_most_60_bytes_more_than_its_payload() {
    const EVENTS: i64 = 1_000;
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let run = run_id("long");
    let payload = text(&"x".repeat(100));
    assert_eq!(sink.append(&opening(&run, vec![Arc::clone(&payload)])).await.unwrap(), Append::Done);
    for seq in 2..=EVENTS as u64 {
        let batch = next(&run, EventId::new(1, seq), vec![Arc::clone(&payload)]);
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    }
    let used = number(&server, &["MEMORY", "USAGE", "gensx:{long}:ev", "SAMPLES", "0"]);
    let overhead = used / EVENTS - payload.len() as i64;
    println!("{overhead} bytes more than the payload");
    assert!(overhead <= 60, "{overhead} bytes more than the payload");
}

#[tokio::test]
async fn pages_of_large_events_are_bounded_in_bytes() {
    const EVENTS: usize = 60;
    const BYTES: usize = 1 << 20;
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let run = run_id("large");
    write(&sink, &run, 20).await;
    let large: Payload = vec![b'x'; BYTES].into();
    for seq in 21..=20 + EVENTS as u64 {
        let batch = next(&run, EventId::new(1, seq), vec![Arc::clone(&large)]);
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    }
    let fresh = RedisSink::connect(&server.url()).await.unwrap();
    let (mut read, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = fresh.read(&run, read.len() as u64, 1_000).await.unwrap();
        if page.is_empty() {
            break;
        }
        pages.push(page.iter().filter(|entry| entry.payload.len() == BYTES).count());
        read.extend(page.into_iter().map(|entry| entry.id.seq));
    }
    assert_eq!(read, (1..=20 + EVENTS as u64).collect::<Vec<_>>());
    // The first large ones come as a surprise; from then on it is known.
    assert!(pages[1..].iter().all(|events| *events <= 4), "large events in each page: {pages:?}");
    let small = fresh.read(&run, 0, 20).await.unwrap();
    assert_eq!(small.len(), 20, "pages of small events are as long as was asked for");
}

#[tokio::test]
async fn a_run_expires_after_its_end_and_not_before() {
    let server = RedisServer::start();
    let sink =
        RedisSink::builder(server.url()).retention(Duration::from_secs(3_600)).connect().await.unwrap();
    let (ended, open) = (run_id("ended"), run_id("open"));
    for run in [&ended, &open] {
        write(&sink, run, 2).await;
        send(&sink, run).await;
    }
    for key in ["gensx:{ended}:ev", "gensx:{ended}:in"] {
        assert_eq!(number(&server, &["PTTL", key]), -1, "{key} before the end");
    }
    end(&sink, &ended, 3).await;
    for key in ["gensx:{ended}:ev", "gensx:{ended}:in"] {
        let left = number(&server, &["PTTL", key]);
        assert!((1..=3_600_000).contains(&left), "{key} after the end: {left}");
    }
    for key in ["gensx:{open}:ev", "gensx:{open}:in"] {
        assert_eq!(number(&server, &["PTTL", key]), -1, "{key} of a run that goes on");
    }
}

/// All keys but the lists' own, and how many places the lists have.
fn left(server: &RedisServer) -> (Vec<String>, i64) {
    let keys = server.command(&["KEYS", "gensx:*"]);
    let (lists, runs): (Vec<_>, Vec<_>) =
        keys.lines().map(str::to_owned).partition(|key| key.contains("{ix"));
    (runs, lists.iter().map(|key| number(server, &["ZCARD", key])).sum())
}

#[tokio::test]
async fn nothing_is_left_of_runs_that_expired() {
    let server = RedisServer::start();
    let connect = || RedisSink::builder(server.url()).retention(Duration::from_millis(50)).connect();
    let sink = connect().await.unwrap();
    for n in 0..20 {
        let run = run_id(&format!("run-{n}"));
        write(&sink, &run, 2).await;
        send(&sink, &run).await;
        end(&sink, &run, 3).await;
    }
    let run = run_id("run-0");
    soon("the end", async {
        while !matches!(sink.read(&run, 0, 9).await, Err(error) if error.kind() == NotFound) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    soon("the lists", async {
        while left(&server) != (Vec::new(), 0) {
            // Each process sweeps when it begins.
            drop(connect().await.unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(sink.list(&RunFilter::new(), None, 99).await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn a_run_that_says_how_long_it_is_kept_is_kept_so_long() {
    let server = RedisServer::start();
    let sink =
        RedisSink::builder(server.url()).retention(Duration::from_secs(3_600)).connect().await.unwrap();
    let plain = RedisSink::connect(&server.url()).await.unwrap();
    // Whoever ends it need not know, nor have a retention.
    for (name, keep_ms, least, most) in [
        ("default", None, 1, 3_600_000),
        ("longer", Some(7_200_000), 3_600_001, 7_200_000),
        ("longest", Some(u64::MAX), 1 << 52, 1 << 53),
    ] {
        let (run, ended_by) = (run_id(name), if keep_ms.is_some() { &plain } else { &sink });
        let opening = Batch {
            kind: BatchKind::Opens(Opening { keep_ms, ..Opening::from("tests") }),
            ..opening(&run, vec![text("1")])
        };
        assert_eq!(sink.append(&opening).await.unwrap(), Append::Done);
        send(&sink, &run).await;
        assert_eq!(number(&server, &["PTTL", &format!("gensx:{{{name}}}:ev")]), -1, "{name} before the end");
        end(ended_by, &run, 2).await;
        for key in ["ev", "in"] {
            let left = number(&server, &["PTTL", &format!("gensx:{{{name}}}:{key}")]);
            assert!((least..=most).contains(&left), "{name} after the end: {left}");
        }
    }
    let short = run_id("short");
    let opening = Opening { keep_ms: Some(0), ..Opening::from("tests") };
    let opening = Batch { kind: BatchKind::Opens(opening), ..self::events::opening(&short, vec![text("1")]) };
    assert_eq!(sink.append(&opening).await.unwrap(), Append::Done);
    end(&plain, &short, 2).await;
    soon("its places in the lists", async {
        while !server.command(&["KEYS", "gensx:{short}:*"]).is_empty() || places(&server, "short") != 0 {
            drop(RedisSink::connect(&server.url()).await.unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(sink.list(&RunFilter::new(), None, 9).await.unwrap().runs.len(), 3);
}

#[tokio::test]
async fn runs_that_expire_faster_than_they_are_looked_at_do_not_pile_up() {
    /// Of each of the eight lists: several times what is taken at once.
    const RUNS_PER_LIST: usize = 3_000;
    let server = RedisServer::start();
    for list in 0..8 {
        let names: Vec<String> = (0..100_000)
            .map(|n| format!("run-{n}"))
            .filter(|name| shard(name) == list)
            .take(RUNS_PER_LIST)
            .collect();
        for kind in ["runs", "due"] {
            let key = format!("gensx:{{ix{list}}}:{kind}");
            let places = names.iter().flat_map(|name| ["0", name.as_str()]);
            let words: Vec<&str> = ["ZADD", &key].into_iter().chain(places).collect();
            assert_eq!(number(&server, &words), RUNS_PER_LIST as i64);
        }
    }
    let _sink = RedisSink::connect(&server.url()).await.unwrap();
    soon("the lists", async {
        while left(&server) != (Vec::new(), 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_that_ended_still_knows_its_batches_after_its_room_was_given_back() {
    let server = RedisServer::start();
    let sink = RedisSink::connect(&server.url()).await.unwrap();
    let run = run_id("run");
    let batches = [
        opening(&run, vec![text("1")]),
        next(&run, EventId::new(1, 2), vec![text("2"), text("3")]),
        closing(&run, EventId::new(1, 4)),
    ];
    for batch in &batches {
        assert_eq!(sink.append(batch).await.unwrap(), Append::Done);
    }
    let bytes = number(&server, &["MEMORY", "USAGE", "gensx:{run}:ev"]);
    assert!(bytes < 1_536, "its room was not given back: {bytes} bytes");
    for batch in &batches {
        assert_eq!(sink.append(batch).await.unwrap(), Append::Duplicate);
    }
    let late = next(&run, EventId::new(1, 4), vec![text("x")]);
    assert_eq!(sink.append(&late).await.unwrap(), Append::Ended);
    assert_eq!(
        server.command(&["XREVRANGE", "gensx:{run}:ev", "+", "-", "COUNT", "1"]).lines().next(),
        Some("1-4")
    );
}

#[tokio::test]
async fn readers_see_a_run_to_its_end_while_its_room_is_given_back_and_are_told_when_it_expires() {
    const READERS: usize = 20;
    let server = RedisServer::start();
    let connect = || RedisSink::builder(server.url()).retention(Duration::from_secs(2)).connect();
    let (sink, reading) = (connect().await.unwrap(), Arc::new(connect().await.unwrap()));
    let run = run_id("run");
    write(&sink, &run, 1).await;
    let reader = |after| events(Arc::clone(&reading) as Arc<dyn EventSink>, run.clone(), after);
    let text = text("x");
    let batch = next(&run, EventId::new(1, 2), vec![text; 100]);
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let events = reader(Some(EventId::new(1, 1)));
            tokio::spawn(async move { events.collect().await.unwrap().len() })
        })
        .collect();
    end(&sink, &run, 102).await;
    for reader in readers {
        assert_eq!(soon("a reader", reader).await.unwrap(), 101);
    }
    // One that is slow comes when the run is gone.
    let late = soon("the run's expiry", async {
        loop {
            match reader(Some(EventId::new(1, 1))).collect().await {
                Ok(events) => assert_eq!(events.len(), 101),
                Err(error) => return error,
            }
        }
    })
    .await;
    assert_eq!(late.kind(), ErrorKind::NotFound, "{late:?}");
    assert!(late.to_string().contains("expired"), "{late}");
}

#[tokio::test]
async fn a_probe_leaves_nothing() {
    let server = RedisServer::start();
    drop(RedisSink::connect(&server.url()).await.unwrap());
    assert_eq!(left(&server), (Vec::new(), 0));
}
