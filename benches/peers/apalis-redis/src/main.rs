//! Runs apalis's rounds for gensx's bench: the argument is the address of Redis. For each line `many M N` on standard
//! input M jobs at once are brought through N steps, and what it took is printed in nanoseconds. A step is a job that
//! queues the next one: so each is stored before the next begins.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Jobs that a worker runs at once: as many as there are.
const CONCURRENCY: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct Step {
    text: String,
    left: u32,
}

type Storage = RedisStorage<Step>;
type Ended = Arc<mpsc::UnboundedSender<()>>;

async fn step(task: Step, storage: Data<Storage>, ended: Data<Ended>) -> Result<String, BoxDynError> {
    match task.left.checked_sub(1) {
        Some(left) if left > 0 => {
            let mut storage = Storage::clone(&storage);
            storage.push(Step { text: format!("the input of step {left}"), left }).await?;
        }
        _ => ended.send(())?,
    }
    Ok(task.text)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let url = std::env::args().nth(1).expect("the address of Redis");
    let connection = apalis_redis::connect(url).await.unwrap();
    // A worker that has been idle looks again at its next heartbeat, which is 30 s away unless told otherwise. A round is
    // therefore run twice, and the second time counts, when the worker is not idle.
    let heartbeat = Duration::from_secs(1);
    let config = Config::default().queue("bench").batch_size(CONCURRENCY).heartbeat_interval(heartbeat);
    let storage = Storage::new(connection).with_config(config);
    let (sender, mut ended) = mpsc::unbounded_channel();
    let ended_jobs: Ended = Arc::new(sender);
    let worker = WorkerBuilder::new("bench")
        .backend(storage.clone())
        .data(storage.clone())
        .data(ended_jobs)
        .concurrency(CONCURRENCY)
        .build(step);
    tokio::spawn(worker.run());
    for line in std::io::stdin().lines().map(Result::unwrap) {
        let words: Vec<&str> = line.split(' ').collect();
        let ["many", jobs, steps] = words[..] else { panic!("`{line}` is no round") };
        let (jobs, left): (u32, u32) = (jobs.parse().unwrap(), steps.parse().unwrap());
        let mut took = Duration::ZERO;
        for _ in 0..2 {
            let began = Instant::now();
            let mut storage = storage.clone();
            for n in 0..jobs {
                storage.push(Step { text: format!("the input of job {n}"), left }).await.unwrap();
            }
            for _ in 0..jobs {
                ended.recv().await.unwrap();
            }
            took = began.elapsed();
        }
        println!("{}", took.as_nanos());
    }
}
