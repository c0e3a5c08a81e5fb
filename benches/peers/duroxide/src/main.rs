//! Runs duroxide's rounds for gensx's bench. The arguments are a folder for its file, and how many dispatchers of each kind
//! it has. For each line on standard input a round is run, and what it took is printed in nanoseconds.
//!
//! - `chain N`: one orchestration of N activities, one after the other.
//! - `many M N`: M orchestrations at once, each of N activities, one after the other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use duroxide::{
    ActivityContext, Client, OrchestrationContext, OrchestrationRegistry, OrchestrationStatus,
    providers::sqlite::SqliteProvider,
    runtime::{ObservabilityConfig, Runtime, RuntimeOptions, registry::ActivityRegistry},
};

const PATIENCE: Duration = Duration::from_secs(120);

async fn steps(context: OrchestrationContext, count: String) -> Result<String, String> {
    let count: u32 = count.parse().map_err(|error| format!("{error}"))?;
    for n in 0..count {
        context.schedule_activity("step", format!("the input of step {n}")).await?;
    }
    Ok(count.to_string())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let folder = std::env::args().nth(1).expect("a folder for the file");
    let dispatchers: usize = std::env::args().nth(2).and_then(|count| count.parse().ok()).expect("a number");
    let file = std::path::Path::new(&folder).join("duroxide.db");
    std::fs::File::create(&file).unwrap();
    let store = Arc::new(SqliteProvider::new(&format!("sqlite:{}", file.display()), None).await.unwrap());
    let step = |_: ActivityContext, text: String| async move { Ok(text) };
    let activities = ActivityRegistry::builder().register("step", step).build();
    let orchestrations = OrchestrationRegistry::builder().register("steps", steps).build();
    // An idle dispatcher looks again after 100 ms unless told otherwise, and two of a kind lock each other out of the file.
    let options = RuntimeOptions {
        dispatcher_min_poll_interval: Duration::from_millis(1),
        orchestration_concurrency: dispatchers,
        worker_concurrency: dispatchers,
        observability: ObservabilityConfig { log_level: "off".to_owned(), ..ObservabilityConfig::default() },
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::start_with_options(store.clone(), activities, orchestrations, options).await;
    let client = Arc::new(Client::new(store));
    for (round, line) in std::io::stdin().lines().map(Result::unwrap).enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let (runs, count) = match words[..] {
            ["chain", count] => (1, count),
            ["many", runs, count] => (runs.parse().unwrap(), count),
            _ => panic!("`{line}` is no round"),
        };
        let began = Instant::now();
        let runs = (0..runs).map(|run| {
            let (client, id, count) = (Arc::clone(&client), format!("{round}-{run}"), count.to_owned());
            tokio::spawn(async move {
                client.start_orchestration(&id, "steps", count).await.unwrap();
                let status = client.wait_for_orchestration(&id, PATIENCE).await.unwrap();
                assert!(matches!(status, OrchestrationStatus::Completed { .. }));
            })
        });
        for run in runs.collect::<Vec<_>>() {
            run.await.unwrap();
        }
        println!("{}", began.elapsed().as_nanos());
    }
    runtime.shutdown(None).await;
}
