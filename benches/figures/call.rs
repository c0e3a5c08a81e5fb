//! What a call costs beyond the function it calls, and whether that depends on how many there are.

use std::{hint::black_box, time::Duration};

use gensx::{Durability, MemorySink, Runtime, component};

use crate::measure::{Row, cpu, median, micros, one_worker};

const ROUNDS: usize = 7;
const CALLS: u32 = 10_000;
/// Numbers of calls in one run; small runs are repeated until they make up this many calls.
const SCALES: [u32; 4] = [100, 1_000, 10_000, 100_000];
const CALLS_PER_SCALE: u32 = 100_000;

async fn plain(n: u32) -> gensx::Result<u32> {
    Ok(black_box(n) + 1)
}

#[component]
async fn step(n: u32) -> gensx::Result<u32> {
    plain(n).await
}

#[component]
async fn plain_steps(count: u32) -> gensx::Result<u32> {
    let mut sum = 0_u32;
    for n in 0..count {
        sum = sum.wrapping_add(plain(n).await?);
    }
    Ok(sum)
}

#[component]
async fn steps(count: u32) -> gensx::Result<u32> {
    let mut sum = 0_u32;
    for n in 0..count {
        sum = sum.wrapping_add(step(n).await?);
    }
    Ok(sum)
}

fn runtime(durability: Durability) -> Runtime {
    Runtime::builder().sink(MemorySink::new()).durability(durability).build()
}

/// Overhead per call on the memory sink.
pub fn overhead() -> Vec<Row> {
    [Durability::Pipelined, Durability::Strict].into_iter().map(overhead_of).collect()
}

fn overhead_of(durability: Durability) -> Row {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    one_worker().block_on(async {
        for _ in 0..ROUNDS {
            without.push(cpu(runtime(durability).run(&plain_steps, CALLS)).await.0 / CALLS);
            with.push(cpu(runtime(durability).run(&steps, CALLS)).await.0 / CALLS);
        }
    });
    let (with, without) = (median(with), median(without));
    Row {
        what: format!("CPU per call, memory, {}", name(durability)),
        gensx: micros(with),
        baseline: format!("{} (the bare function)", micros(without)),
        answer: format!("{} more", micros(with.saturating_sub(without))),
        goal: "under 1 µs",
    }
}

fn name(durability: Durability) -> &'static str {
    match durability {
        Durability::Strict => "strict",
        Durability::Pipelined => "pipelined",
    }
}

/// Cost per call against the number of calls in the run.
pub fn scale() -> Vec<Row> {
    let costs: Vec<Duration> = SCALES.iter().map(|count| cost_at(*count)).collect();
    let each: Vec<String> =
        SCALES.iter().zip(&costs).map(|(count, cost)| format!("{count}: {}", micros(*cost))).collect();
    let last = costs[costs.len() - 1].as_secs_f64() / costs[0].as_secs_f64();
    vec![Row {
        what: "CPU per call by calls in the run, memory, strict".to_owned(),
        gensx: each[1..].join(", "),
        baseline: each[0].clone(),
        answer: format!("{last:.2} times, from 100 to 100,000"),
        goal: "flat",
    }]
}

fn cost_at(count: u32) -> Duration {
    let repeat = CALLS_PER_SCALE / count;
    one_worker().block_on(async {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let work = async {
                for _ in 0..repeat {
                    runtime(Durability::Strict).run(&steps, count).await.unwrap();
                }
            };
            rounds.push(cpu(work).await.0 / CALLS_PER_SCALE);
        }
        median(rounds)
    })
}
