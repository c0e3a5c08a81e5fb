//! Which run goes first, when, and how many at once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use gensx::{Backend, Worker, component, queue::QueueState};

use super::support::{Working, bounded, client, fresh, over_backends, until_empty};

over_backends!(
    a_higher_priority_goes_first,
    a_delayed_run_begins_when_it_is_due,
    a_limit_is_kept_across_workers_and_its_keys_take_turns,
);

/// What ran, in order, by the name of the test.
static ORDER: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

fn ran(name: &str, what: Option<&str>) -> Vec<String> {
    let mut order = ORDER.lock().unwrap_or_else(PoisonError::into_inner);
    let list = order.get_or_insert_default().entry(name.to_owned()).or_default();
    list.extend(what.map(str::to_owned));
    list.clone()
}

#[component]
async fn lists(input: (String, String)) -> gensx::Result<u32> {
    ran(&input.0, Some(&input.1));
    Ok(0)
}

async fn a_higher_priority_goes_first(backend: Backend) {
    let (client, name) = (client(&backend), fresh("priority"));
    for (what, priority) in [("low", -1), ("normal", 0), ("high", 9), ("normal too", 0)] {
        client.start("lists", &(&name, what)).priority(priority).await.unwrap();
    }
    let working = Working::begin(Worker::builder(backend).register(&lists).concurrency(1));
    until_empty(&client).await;
    assert_eq!(ran(&name, None), ["high", "normal", "normal too", "low"]);
    working.drain().await;
}

async fn a_delayed_run_begins_when_it_is_due(backend: Backend) {
    let (client, name) = (client(&backend), fresh("delayed"));
    let working = Working::begin(Worker::builder(backend).register(&lists));
    let wait = Duration::from_secs(1);
    let began = Instant::now();
    let run = client.start("lists", &(&name, "after")).start_after(wait).await.unwrap();
    let at = std::time::SystemTime::now() + wait;
    let other = client.start("lists", &(&name, "at")).start_at(at).await.unwrap();
    assert_eq!(client.find(run.id()).await.unwrap().unwrap().state, QueueState::Delayed);
    bounded("the output", run.output::<u32>()).await.unwrap();
    bounded("the output", other.output::<u32>()).await.unwrap();
    // How soon after that it begins is the queue's matter: its conformance suite demands that a worker hears of it.
    assert!(began.elapsed() >= wait, "{:?}", began.elapsed());
    working.drain().await;
}

static HOLDING: Mutex<Option<HashMap<String, u32>>> = Mutex::new(None);

fn holding(key: &str, change: i32) -> u32 {
    let mut all = HOLDING.lock().unwrap_or_else(PoisonError::into_inner);
    let count = all.get_or_insert_default().entry(key.to_owned()).or_default();
    *count = count.saturating_add_signed(change);
    *count
}

#[component]
async fn holds(input: (String, String)) -> gensx::Result<u32> {
    let (name, key) = input;
    ran(&name, Some(&key));
    let now = holding(&format!("{name}/{key}"), 1);
    tokio::time::sleep(Duration::from_millis(15)).await;
    holding(&format!("{name}/{key}"), -1);
    Ok(now)
}

async fn a_limit_is_kept_across_workers_and_its_keys_take_turns(backend: Backend) {
    let (client, name) = (client(&backend), fresh("limits"));
    let mut runs = Vec::new();
    // A burst of one customer, and then two runs of another.
    for (key, count) in [("burst", 20), ("other", 2)] {
        for _ in 0..count {
            let start = client.start("holds", &(&name, key)).limit("customers", key, 2).limit("all", "", 3);
            runs.push(start.await.unwrap());
        }
    }
    let worker = || Working::begin(Worker::builder(backend.clone()).register(&holds).concurrency(4));
    let (one, two) = (worker(), worker());
    for run in &runs {
        assert!(bounded("the output", run.output::<u32>()).await.unwrap() <= 2);
    }
    let order = ran(&name, None);
    let last_of_other = order.iter().rposition(|key| key == "other").unwrap();
    assert!(last_of_other < 10, "the other customer waited for the burst: {order:?}");
    until_empty(&client).await;
    one.drain().await;
    two.drain().await;
}
