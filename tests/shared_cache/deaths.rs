//! Leaders that die, hang, or come too late.

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gensx::{
    RedisCache,
    cache::{Cache, Lead, LeadToken},
    prelude::*,
};
use gensx_test_servers::RedisServer;

use crate::support::{begun, cache, compute, fresh, runtime, shut, soon, starts, until, until_followed};

/// The core's lease, and some time for a machine that is busy.
const LEASE: Duration = Duration::from_secs(6);
const SLACK: Duration = Duration::from_secs(4);
/// Tells this program that it plays the leader, and where Redis is.
const PART: &str = "GENSX_TEST_LEADER_OF";

/// Plays the leader, if this is the process that is to be killed.
async fn is_the_leader() -> bool {
    let Ok(url) = std::env::var(PART) else { return false };
    shut("killed", true);
    let cache = gensx::RedisSink::connect(&url).await.unwrap().cache();
    let _ = Runtime::builder().cache(cache).build().run(&compute, "killed".to_owned()).await;
    true
}

/// Ends with the test.
struct Leader(Child);

impl Drop for Leader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn leader(server: &RedisServer) -> Leader {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // The test that starts it, in another part.
    command
        .args(["--exact", "deaths::when_a_leader_s_process_is_killed_one_follower_computes_within_the_lease"])
        .env(PART, server.url());
    Leader(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_leader_s_process_is_killed_one_follower_computes_within_the_lease() {
    if is_the_leader().await {
        return;
    }
    let server = RedisServer::start();
    let leader = leader(&server);
    until("the leader", || crate::support::keys(&server).iter().any(|key| key.ends_with(":lock"))).await;
    let (one, other) = (runtime(&server).await, runtime(&server).await);
    let runs = [starts(&one, "killed"), starts(&other, "killed"), starts(&other, "killed")];
    until_followed(&server).await;
    // Longer than a lease: one who lives renews it.
    tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
    assert_eq!(begun("killed"), 0, "the leader lives");
    let killed = Instant::now();
    drop(leader);
    for run in runs {
        assert_eq!(soon("a follower", run).await.unwrap().unwrap(), 1);
    }
    assert!(killed.elapsed() < LEASE + SLACK, "{:?}", killed.elapsed());
    assert_eq!(begun("killed"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_gives_the_lead_back_at_once() {
    let server = RedisServer::start();
    let (one, other, word) = (runtime(&server).await, runtime(&server).await, fresh("dropped"));
    shut(&word, true);
    let run = one.start(&compute, word.clone()).await.unwrap();
    until("the leader", || begun(&word) == 1).await;
    let follower = starts(&other, &word);
    until_followed(&server).await;
    let began = Instant::now();
    let _ = soon("the end", run.cancel()).await;
    until("the follower leads", || begun(&word) == 2).await;
    assert!(began.elapsed() < LEASE / 2, "{:?}", began.elapsed());
    shut(&word, false);
    assert_eq!(soon("the follower", follower).await.unwrap().unwrap(), 2);
}

/// A process that has been stopped: its short lease is not renewed. It says how its late output was taken.
#[derive(Clone, Debug)]
struct Stopped {
    cache: Arc<RedisCache>,
    filled: Arc<Mutex<Option<bool>>>,
    leads: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl Cache for Stopped {
    async fn get(&self, key: &str) -> Option<String> {
        self.cache.get(key).await
    }

    async fn put(&self, _: &str, _: &str, _: Duration) {
        panic!("it leads, and fills");
    }

    async fn lead(&self, key: &str, _: Duration) -> Lead {
        let lead = self.cache.lead(key, Duration::from_millis(400)).await;
        self.leads.store(matches!(lead, Lead::Leader(_)), Ordering::SeqCst);
        lead
    }

    async fn renew(&self, _: &str, _: &LeadToken, _: Duration) -> bool {
        true
    }

    async fn fill(&self, key: &str, token: &LeadToken, json: &str, ttl: Duration) -> bool {
        let filled = self.cache.fill(key, token, json, ttl).await;
        *self.filled.lock().unwrap() = Some(filled);
        filled
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_leader_fills_after_its_lease_is_refused() {
    let server = RedisServer::start();
    let word = fresh("late");
    shut(&word, true);
    let stopped =
        Stopped { cache: Arc::new(cache(&server).await), filled: Arc::default(), leads: Arc::default() };
    let late = starts(&Runtime::builder().cache(stopped.clone()).build(), &word);
    until("the leader", || begun(&word) == 1).await;
    assert!(stopped.leads.load(Ordering::SeqCst));
    let other = runtime(&server).await;
    let next = starts(&other, &word);
    until("the next leader", || begun(&word) == 2).await;
    shut(&word, false);
    let outputs = soon("both", futures_util::future::join(late, next)).await;
    assert_eq!((outputs.0.unwrap().unwrap(), outputs.1.unwrap().unwrap()), (1, 2), "each has its own");
    assert_eq!(*stopped.filled.lock().unwrap(), Some(false));
    let third = runtime(&server).await;
    assert_eq!(third.run(&compute, word.clone()).await.unwrap(), 2, "the cache has the second");
    assert_eq!(begun(&word), 2);
}
