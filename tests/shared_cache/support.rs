//! A component whose computations are counted where gensx does not look, and runtimes on one Redis.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gensx::{RedisCache, RedisSink, prelude::*};
use gensx_test_servers::RedisServer;
use tokio::sync::watch;

/// How long anything that should happen may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// What is known of one word's computations.
#[derive(Clone, Default)]
struct Book {
    begun: u64,
    /// While it is `true`, computations wait.
    shut: Arc<watch::Sender<bool>>,
}

static BOOKS: LazyLock<Mutex<HashMap<String, Book>>> = LazyLock::new(Mutex::default);

fn book<T>(word: &str, look: impl FnOnce(&mut Book) -> T) -> T {
    look(BOOKS.lock().unwrap().entry(word.to_owned()).or_default())
}

/// A word that no other test computes.
pub(crate) fn fresh(name: &str) -> String {
    static WORDS: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}", WORDS.fetch_add(1, Ordering::Relaxed))
}

/// How often a word's computation has begun.
pub(crate) fn begun(word: &str) -> u64 {
    book(word, |book| book.begun)
}

pub(crate) fn shut(word: &str, is: bool) {
    book(word, |book| Arc::clone(&book.shut)).send_replace(is);
}

/// Gives how many computations of the word had begun when this one did.
#[component(cache(ttl = "1h"))]
pub(crate) async fn compute(word: String) -> gensx::Result<u64> {
    let (number, mut shut) = book(&word, |book| {
        book.begun += 1;
        (book.begun, book.shut.subscribe())
    });
    // Long enough for all others to ask meanwhile.
    tokio::time::sleep(Duration::from_millis(50)).await;
    shut.wait_for(|shut| !shut).await.unwrap();
    Ok(number)
}

#[component]
pub(crate) async fn computes_many((word, count): (String, usize)) -> gensx::Result<Vec<u64>> {
    futures_util::future::try_join_all((0..count).map(|_| compute(word.clone()))).await
}

pub(crate) async fn cache(server: &RedisServer) -> RedisCache {
    RedisSink::connect(&server.url()).await.unwrap().cache()
}

/// A runtime with connections of its own, as another process has.
pub(crate) async fn runtime(server: &RedisServer) -> Runtime {
    Runtime::builder().cache(cache(server).await).build()
}

/// Starts a run of `compute`.
pub(crate) fn starts(runtime: &Runtime, word: &str) -> tokio::task::JoinHandle<gensx::Result<u64>> {
    let (runtime, word) = (runtime.clone(), word.to_owned());
    tokio::spawn(async move { runtime.run(&compute, word).await })
}

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} took longer than {PATIENCE:?}"),
    }
}

/// Waits until a question is answered with yes.
pub(crate) async fn until(what: &str, mut ask: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ask() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The keys of the cache.
pub(crate) fn keys(server: &RedisServer) -> Vec<String> {
    server
        .command(&["KEYS", "gensx:{cache:*"])
        .lines()
        .map(str::to_owned)
        .filter(|key| !key.is_empty())
        .collect()
}

/// Waits until somebody waits for who holds the only lock.
pub(crate) async fn until_followed(server: &RedisServer) {
    let followed = || {
        let lock = keys(server).into_iter().find(|key| key.ends_with(":lock"));
        lock.is_some_and(|lock| server.command(&["GET", &lock]).ends_with('+'))
    };
    until("a follower", followed).await;
}
