//! Several processes on one file. The others are this same program, started again with a part to play, of which the
//! environment tells.

mod common;

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use common::{other::*, *};
use gensx_core::{
    EventId, EventSink as _, RunId,
    sink::{Append, Arrived, Batch, BatchKind, BatchToken, Inbox as _},
};
use gensx_sqlite::SqliteSink;
use gensx_test_servers::harness;

const CASES: [(&str, fn()); 5] = [
    ("a_reader_in_another_process_follows_live", || block_on(a_reader_in_another_process_follows_live())),
    ("a_wait_returns_for_what_another_process_does", || {
        block_on(a_wait_returns_for_what_another_process_does());
    }),
    ("messages_are_told_to_and_by_another_process", || {
        block_on(messages_are_told_to_and_by_another_process());
    }),
    ("what_a_killed_writer_acknowledged_is_there", || block_on(what_a_killed_writer_acknowledged_is_there())),
    ("processes_that_take_runs_over_from_each_other_leave_no_holes", || {
        block_on(processes_that_take_runs_over_from_each_other_leave_no_holes());
    }),
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

fn say(line: &str) {
    println!("{line}");
}

async fn play(part: &str) {
    let sink = open(Path::new(&std::env::var(FILE).unwrap())).await;
    let sink = &sink;
    match part {
        "follow" => follow(sink).await,
        "arrivals" => arrivals(sink).await,
        "obey" => obey(sink).await,
        "write" => write(sink).await,
        seed => contend(sink, seed.parse().expect("an unknown part")).await,
    }
}

/// Says the position of each event of a run as it sees it.
async fn follow(sink: &SqliteSink) {
    let (run, mut after) = (run_id("run"), 0);
    loop {
        for entry in sink.read(&run, after, 100).await.unwrap() {
            after = entry.id.seq;
            say(&after.to_string());
        }
        sink.changed(&run, after).await.unwrap();
    }
}

/// Says each run that is told of.
async fn arrivals(sink: &SqliteSink) {
    let (mut cursor, _) = sink.arrivals(0).await.unwrap();
    say("ready");
    loop {
        let arrived;
        (cursor, arrived) = sink.arrivals(cursor).await.unwrap();
        let Arrived::Runs(runs) = arrived else { panic!("this sink knows which") };
        runs.iter().for_each(|run| say(run.as_str()));
    }
}

/// Appends, sends or deletes when it is told to.
async fn obey(sink: &SqliteSink) {
    say("ready");
    let run = run_id("run");
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "send" => drop(sink.send(&run, message("name")).await.unwrap()),
            "delete" => sink.delete(&run).await.unwrap(),
            seq => drop(sink.append(&batch(&run, 1, seq.parse().unwrap(), "news")).await.unwrap()),
        }
    }
}

/// Takes the run over and appends to it, and says each position that was acknowledged.
async fn write(sink: &SqliteSink) {
    let run = run_id("run");
    let last = sink.head(&run).await.unwrap().unwrap().last;
    for seq in last.seq + 1.. {
        let kind =
            if seq == last.seq + 1 { BatchKind::Claims { deployment: None } } else { BatchKind::Continues };
        let work = Batch { kind, ..batch(&run, last.epoch + 1, seq, "work") };
        let answer = sink.append(&work).await.unwrap();
        assert_eq!(answer, Append::Done);
        say(&seq.to_string());
    }
}

const CONTENDERS: u64 = 4;
const CONTENDED_RUNS: u64 = 3;
const TURNS: u64 = 250;

/// Takes runs over from others and appends until it is fenced. Says what was acknowledged: run, epoch, position, token.
async fn contend(sink: &SqliteSink, seed: u64) {
    let mut number = 0;
    for turn in 0..TURNS {
        let run = run_id(&format!("run-{}", (turn * 7 + seed * 13) % CONTENDED_RUNS));
        let last = sink.head(&run).await.unwrap().unwrap().last;
        let mut at = EventId::new(last.epoch + 1, last.seq + 1);
        for size in [1, 3, 2, 5] {
            number += 1;
            let token = BatchToken { owner: seed, number };
            let text = format!("{seed}.{number}");
            let payloads = vec![text.as_bytes().into(); size];
            let kind = if at.seq == last.seq + 1 {
                BatchKind::Claims { deployment: None }
            } else {
                BatchKind::Continues
            };
            let next = Batch { first: at, token, payloads, kind, ..batch(&run, 0, 0, "") };
            match sink.append(&next).await.unwrap() {
                Append::Done => say(&format!("{run} {} {} {size} {text}", at.epoch, at.seq)),
                Append::Fenced => break,
                answer => panic!("{answer:?} to {next:?}"),
            }
            at.seq += size as u64;
        }
    }
    say("done");
}

async fn a_reader_in_another_process_follows_live() {
    const EVENTS: u64 = 60;
    let (_folder, file) = place();
    let sink = open(&file).await;
    let run = run_id("run");
    fill(&sink, &run, 3).await;
    let other = Other::start("follow", &file);
    for seq in 1..=EVENTS {
        // From the fourth on, the reader waits while nothing is there.
        if seq > 3 {
            assert_eq!(sink.append(&batch(&run, 1, seq, "news")).await.unwrap(), Append::Done);
        }
        assert_eq!(other.line(), seq.to_string());
    }
}

async fn a_wait_returns_for_what_another_process_does() {
    let (_folder, file) = place();
    let sink = open(&file).await;
    let run = run_id("run");
    fill(&sink, &run, 1).await;
    let mut other = Other::start("obey", &file);
    assert_eq!(other.line(), "ready");
    for seq in 2..30 {
        let wait = sink.changed(&run, seq - 1);
        let told = async { other.tell(&seq.to_string()) };
        within("an append by another process", async { tokio::join!(wait, told).0.unwrap() }).await;
        assert_eq!(read_all(&sink, &run).await.unwrap().len() as u64, seq);
    }
    let wait = sink.changed(&run, 29);
    let told = async { other.tell("delete") };
    within("a deletion by another process", async { tokio::join!(wait, told).0.unwrap() }).await;
    assert_eq!(sink.head(&run).await.unwrap(), None);
}

async fn messages_are_told_to_and_by_another_process() {
    let (_folder, file) = place();
    let sink = open(&file).await;
    let runs = ["run", "b", "c"].map(run_id);
    for run in &runs {
        fill(&sink, run, 1).await;
        sink.send(run, message("old")).await.unwrap();
    }
    let other = Other::start("arrivals", &file);
    assert_eq!(other.line(), "ready");
    for n in 0..30 {
        sink.send(&runs[n % 3], message("news")).await.unwrap();
        assert_eq!(other.line(), runs[n % 3].as_str());
    }
    let mut sender = Other::start("obey", &file);
    assert_eq!(sender.line(), "ready");
    let (mut cursor, _) = sink.arrivals(0).await.unwrap();
    for _ in 0..20 {
        let told = async { sender.tell("send") };
        let arrived = async { tokio::join!(sink.arrivals(cursor), told).0.unwrap() };
        let runs;
        (cursor, runs) = within("a message by another process", arrived).await;
        assert_eq!(runs, Arrived::Runs(vec![run_id("run")]));
    }
}

async fn what_a_killed_writer_acknowledged_is_there() {
    const KILLS: u32 = 6;
    let (_folder, file) = place();
    let run = run_id("run");
    fill(&open(&file).await, &run, 1).await;
    let mut acknowledged = 1;
    for kill in 1..=KILLS {
        let mut other = Other::start("write", &file);
        for _ in 0..40 * kill {
            acknowledged = other.line().parse().unwrap();
        }
        acknowledged = other.kill().last().map_or(acknowledged, |line| line.parse().unwrap());
        let entries = read_all(&open(&file).await, &run).await.unwrap();
        assert!(
            entries.len() as u64 >= acknowledged,
            "{} events, {acknowledged} acknowledged",
            entries.len()
        );
        // At most the one append that was under way is there besides.
        assert!(
            entries.len() as u64 <= acknowledged + 1,
            "{} events, {acknowledged} acknowledged",
            entries.len()
        );
        assert!((1..).zip(&entries).all(|(seq, entry)| entry.id.seq == seq));
        assert_eq!(entries.last().unwrap().id.epoch, kill + 1);
    }
}

async fn processes_that_take_runs_over_from_each_other_leave_no_holes() {
    let (_folder, file) = place();
    let sink = open(&file).await;
    let runs: Vec<RunId> = (0..CONTENDED_RUNS).map(|n| run_id(&format!("run-{n}"))).collect();
    for run in &runs {
        fill(&sink, run, 1).await;
    }
    let others: Vec<Other> = (1..=CONTENDERS).map(|seed| Other::start(&seed.to_string(), &file)).collect();
    let mut acknowledged: BTreeMap<(String, u64), (u32, String)> = BTreeMap::new();
    for other in &others {
        while let line = other.line()
            && line != "done"
        {
            let words: Vec<&str> = line.split(' ').collect();
            let [run, epoch, first, size, token] = words[..] else { panic!("{line}") };
            let (first, size): (u64, u64) = (first.parse().unwrap(), size.parse().unwrap());
            for seq in first..first + size {
                let told = (epoch.parse().unwrap(), token.to_owned());
                let before = acknowledged.insert((run.to_owned(), seq), told);
                assert_eq!(before, None, "two processes were told that they own {run} {seq}");
            }
        }
    }
    let mut takeovers = 0;
    for run in &runs {
        let entries = read_all(&sink, run).await.unwrap();
        assert!((1..).zip(&entries).all(|(seq, entry)| entry.id.seq == seq), "a hole");
        assert!(entries.is_sorted_by_key(|entry| entry.id.epoch), "an epoch is not one block");
        for entry in &entries[1..] {
            let text = String::from_utf8(entry.payload.to_vec()).unwrap();
            let told = acknowledged.remove(&(run.to_string(), entry.id.seq));
            assert_eq!(
                told,
                Some((entry.id.epoch, text)),
                "{run} {}: stored, but not acknowledged",
                entry.id
            );
        }
        takeovers += entries.last().unwrap().id.epoch - 1;
    }
    assert_eq!(acknowledged, BTreeMap::new(), "acknowledged, but not stored");
    assert!(takeovers > 100, "only {takeovers} takeovers");
}
