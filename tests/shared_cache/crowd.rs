//! Many identical calls at once.

use std::sync::atomic::{AtomicU32, Ordering};

use gensx::prelude::*;
use gensx_test_servers::RedisServer;

use crate::support::{begun, computes_many, fresh, keys, runtime, soon};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_calls_in_two_runtimes_are_computed_once() {
    let server = RedisServer::start();
    let (one, other) = (runtime(&server).await, runtime(&server).await);
    let word = fresh("crowd");
    let calls = || (word.clone(), 100);
    let both =
        futures_util::future::join(one.run(&computes_many, calls()), other.run(&computes_many, calls()));
    let (first, second) = soon("the runs", both).await;
    assert_eq!((first.unwrap(), second.unwrap()), (vec![1; 100], vec![1; 100]));
    assert_eq!(begun(&word), 1);
    let keys = keys(&server);
    assert!(keys.len() == 1 && keys[0].ends_with(":out") && !keys[0].contains("crowd"), "{keys:?}");
}

static FAILED: AtomicU32 = AtomicU32::new(0);

#[component(cache(ttl = "1h"))]
async fn fails_twice(_: u64) -> gensx::Result<u32> {
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    let number = FAILED.fetch_add(1, Ordering::SeqCst) + 1;
    if number <= 2 { Err(gensx::permanent("not yet")) } else { Ok(number) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_not_kept_and_the_next_computes_at_once() {
    let server = RedisServer::start();
    let mut runs = Vec::new();
    for _ in 0..6 {
        let runtime = runtime(&server).await;
        runs.push(tokio::spawn(async move { runtime.run(&fails_twice, 1).await }));
    }
    let began = std::time::Instant::now();
    let mut outcomes = Vec::new();
    for run in runs {
        outcomes.push(soon("a run", run).await.unwrap().ok());
    }
    outcomes.sort();
    assert_eq!(outcomes, [None, None, Some(3), Some(3), Some(3), Some(3)]);
    assert_eq!(FAILED.load(Ordering::SeqCst), 3);
    // No lease was waited for.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
