//! The conformance suite of [`Cache`]: a case for each numbered clause of the trait.
//!
//! A cache runs all of it with one line, which makes a `#[test]` of each case:
//!
//! ```
//! use gensx_core::{cache::{MemoryCache, conformance::Fixture}, cache_conformance_tests};
//!
//! cache_conformance_tests!(async || Fixture::new(MemoryCache::default()));
//! # fn main() {}
//! ```
//!
//! The expression is called once for each case and must give an empty cache. One that processes share gives a second
//! handle on it ([`Fixture::with_second`]); of one without, the cases about leading demand that it answers
//! [`Lead::Alone`]. Cases about time wait in real time, some tenths of a second each.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use super::{Cache, Lead, LeadToken, MAX_CACHE_ANSWER};
use crate::{
    clock::{self, BoxFuture},
    sink::conformance::kit::{SOON, at_once, within},
};

/// The longest that one case may take. What hangs fails.
const CASE_LIMIT: Duration = Duration::from_secs(120);
/// A time that no case outlasts.
const LONG: Duration = Duration::from_secs(600);
/// A time that is waited for.
const SHORT: Duration = Duration::from_millis(300);
/// Between two looks at what is to change.
const LOOK: Duration = Duration::from_millis(20);
/// Those who ask at once.
const CROWD: usize = 24;

/// An empty cache, as a case needs it.
pub struct Fixture {
    cache: Arc<dyn Cache>,
    second: Option<Arc<dyn Cache>>,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Fixture {
    /// A cache of one process.
    #[must_use]
    pub fn new(cache: impl Cache) -> Self {
        Self { cache: Arc::new(cache), second: None, kept: Vec::new() }
    }

    /// Adds a second handle on the same cache, such as another process would have.
    #[must_use]
    pub fn with_second(mut self, cache: impl Cache) -> Self {
        self.second = Some(Arc::new(cache));
        self
    }

    /// Keeps `thing` until the case is over: a server.
    #[must_use]
    pub fn keeping(mut self, thing: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(thing));
        self
    }

    /// Both handles of a shared cache. One that is not shared is shown to let everybody compute.
    async fn shared(&self) -> Option<(&dyn Cache, &dyn Cache)> {
        let Some(second) = &self.second else {
            assert_eq!(self.cache.lead("of nobody", LONG).await, Lead::Alone);
            assert_eq!(self.cache.lead("of nobody", LONG).await, Lead::Alone);
            return None;
        };
        Some((&*self.cache, &**second))
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("cache", &self.cache)
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// One case: its name begins with the clause it is for.
struct Case {
    name: &'static str,
    run: fn(Fixture) -> BoxFuture<()>,
}

/// Runs the case called `name` on the cache that `fixture` gives: what
/// [`cache_conformance_tests!`](crate::cache_conformance_tests) expands to. It makes its own runtime.
///
/// # Panics
/// When the cache does not do what the clause says, or the case takes longer than two minutes.
pub fn check<F: Future<Output = Fixture>>(name: &str, fixture: impl FnOnce() -> F) {
    let Some(case) = CASES.iter().find(|case| case.name == name) else { panic!("there is no case `{name}`") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime for the case: {error}"));
    runtime.block_on(async {
        let fixture = fixture().await;
        within(CASE_LIMIT, name, (case.run)(fixture)).await;
    });
}

/// Makes the table of cases and the macro that makes tests of them from one list. `$d` is a dollar sign: the only way
/// to write one for the inner macro.
macro_rules! suite {
    ($d:tt $($case:ident),* $(,)?) => {
        const CASES: &[Case] =
            &[$(Case { name: stringify!($case), run: |fixture| Box::pin($case(fixture)) }),*];

        /// Makes a `#[test]` of each case of the [conformance suite](crate::cache::conformance). The argument is a
        /// function or closure without arguments whose future gives a
        /// [`Fixture`](crate::cache::conformance::Fixture).
        #[macro_export]
        macro_rules! cache_conformance_tests {
            ($d fixture:expr) => {
                $(
                    #[test]
                    fn $case() {
                        $d crate::cache::conformance::check(stringify!($case), $d fixture);
                    }
                )*
            };
        }
    };
}

suite! { $
    g1_a_key_is_its_own,
    g2_an_output_comes_back_as_it_was,
    p1_the_latest_is_kept,
    p2_an_output_expires,
    l1_a_hit_is_given_and_nobody_leads,
    l2_one_of_many_leads,
    l3_a_lease_that_ran_out_goes_to_the_next,
    l4_one_without_the_right_lets_all_compute,
    n1_a_renewed_lease_lasts_and_a_lost_one_is_told,
    f1_what_is_filled_is_a_hit,
    f2_a_late_output_is_refused,
    a1_what_is_abandoned_goes_to_the_next,
    a2_who_lost_the_right_abandons_nothing,
    w1_a_wait_ends_with_the_computation,
    w2_a_wait_ends_by_itself,
}

async fn leads(cache: &dyn Cache, key: &str, lease: Duration) -> LeadToken {
    match cache.lead(key, lease).await {
        Lead::Leader(token) => token,
        other => panic!("`{key}` is to be led, and the answer is {other:?}"),
    }
}

/// Asks until it leads, for as long as another one's short lease may last.
async fn leads_soon(cache: &dyn Cache, key: &str) -> LeadToken {
    within(SOON, "the lease runs out", async {
        loop {
            match cache.lead(key, LONG).await {
                Lead::Leader(token) => return token,
                Lead::Follow => clock::sleep(LOOK).await,
                other => panic!("`{key}` is to be led, and the answer is {other:?}"),
            }
        }
    })
    .await
}

async fn g1_a_key_is_its_own(fixture: Fixture) {
    let long = "k".repeat(4_096);
    let keys = ["k", "K", "", " k", "k\n", "k\0", "{k}", "k:lock", "é", long.as_str()];
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(fixture.cache.get(key).await, None, "{key:?}");
        fixture.cache.put(key, &n.to_string(), LONG).await;
    }
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(fixture.cache.get(key).await, Some(n.to_string()), "{key:?}");
    }
}

async fn g2_an_output_comes_back_as_it_was(fixture: Fixture) {
    let long = format!("{:?}", "x".repeat(100_000));
    for json in ["null", "1.0", "{\"b\":1,\"a\":\"\\u0000é\"}", " [ ]\n", long.as_str()] {
        fixture.cache.put("k", json, LONG).await;
        assert!(fixture.cache.get("k").await.as_deref() == Some(json), "{} bytes", json.len());
    }
}

async fn p1_the_latest_is_kept(fixture: Fixture) {
    fixture.cache.put("k", "1", LONG).await;
    fixture.cache.put("k", "2", LONG).await;
    assert_eq!(fixture.cache.get("k").await.as_deref(), Some("2"));
    let Some((first, second)) = fixture.shared().await else { return };
    let token = leads(first, "led", LONG).await;
    second.put("led", "1", LONG).await;
    assert_eq!(first.get("led").await.as_deref(), Some("1"));
    first.abandon("led", &token).await;
    assert_eq!(first.lead("led", LONG).await, Lead::Hit("1".to_owned()));
}

async fn p2_an_output_expires(fixture: Fixture) {
    fixture.cache.put("long", "1", LONG).await;
    fixture.cache.put("short", "1", SHORT).await;
    let gone = async {
        while fixture.cache.get("short").await.is_some() {
            clock::sleep(LOOK).await;
        }
    };
    within(SOON, "it expires", gone).await;
    assert!(fixture.cache.get("long").await.is_some());
}

async fn l1_a_hit_is_given_and_nobody_leads(fixture: Fixture) {
    fixture.cache.put("hit", "1", LONG).await;
    for _ in 0..2 {
        assert_eq!(fixture.cache.lead("hit", LONG).await, Lead::Hit("1".to_owned()));
    }
}

async fn l2_one_of_many_leads(fixture: Fixture) {
    let Some(_) = fixture.shared().await else { return };
    let handles = [Some(&fixture.cache), fixture.second.as_ref()].map(|handle| handle.map(Arc::clone));
    let handles: Vec<_> = handles.into_iter().flatten().collect();
    let ask = |n: usize| -> BoxFuture<Lead> {
        let cache = Arc::clone(&handles[n % handles.len()]);
        Box::pin(async move { cache.lead("k", LONG).await })
    };
    let answers = at_once((0..CROWD).map(ask).collect()).await;
    let leaders = answers.iter().filter(|answer| matches!(answer, Lead::Leader(_))).count();
    let followers = answers.iter().filter(|answer| **answer == Lead::Follow).count();
    assert_eq!((leaders, followers), (1, CROWD - 1), "{answers:?}");
    // Who leads one key is nothing to another.
    leads(&*fixture.cache, "other", LONG).await;
}

async fn l3_a_lease_that_ran_out_goes_to_the_next(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    let before = leads(first, "k", SHORT).await;
    let next = leads_soon(second, "k").await;
    assert_ne!(before, next);
    assert_eq!(first.lead("k", LONG).await, Lead::Follow);
}

async fn l4_one_without_the_right_lets_all_compute(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    leads(first, "k", LONG).await;
    assert_eq!(second.lead("k", LONG).await, Lead::Follow);
}

async fn n1_a_renewed_lease_lasts_and_a_lost_one_is_told(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    let token = leads(first, "k", Duration::from_secs(20)).await;
    assert!(first.renew("k", &token, SHORT).await);
    let next = leads_soon(second, "k").await;
    assert!(!first.renew("k", &token, LONG).await, "it was lost");
    assert!(second.renew("k", &next, LONG).await);
    assert!(!second.renew("other", &next, LONG).await, "another key");
    clock::sleep(SHORT * 2).await;
    assert_eq!(first.lead("k", LONG).await, Lead::Follow);
}

async fn f1_what_is_filled_is_a_hit(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    let token = leads(first, "k", LONG).await;
    assert!(first.fill("k", &token, "1", LONG).await);
    assert_eq!(second.lead("k", LONG).await, Lead::Hit("1".to_owned()));
    let token = leads(first, "short", LONG).await;
    assert!(first.fill("short", &token, "1", SHORT).await);
    let gone = async {
        while second.get("short").await.is_some() {
            clock::sleep(LOOK).await;
        }
    };
    within(SOON, "it expires", gone).await;
    leads(second, "short", LONG).await;
}

async fn f2_a_late_output_is_refused(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    let late = leads(first, "k", SHORT).await;
    let next = leads_soon(second, "k").await;
    assert!(!first.fill("k", &late, "\"stale\"", LONG).await);
    assert_eq!(first.get("k").await, None);
    assert_eq!(first.lead("k", LONG).await, Lead::Follow, "the next one leads still");
    assert!(second.fill("k", &next, "1", LONG).await);
    assert!(!first.fill("k", &late, "\"stale\"", LONG).await);
    assert_eq!(first.get("k").await.as_deref(), Some("1"));
}

async fn a1_what_is_abandoned_goes_to_the_next(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    let token = leads(first, "k", LONG).await;
    assert_eq!(second.lead("k", LONG).await, Lead::Follow);
    first.abandon("k", &token).await;
    leads(second, "k", LONG).await;
}

async fn a2_who_lost_the_right_abandons_nothing(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    let late = leads(first, "k", SHORT).await;
    leads_soon(second, "k").await;
    first.abandon("k", &late).await;
    assert_eq!(first.lead("k", LONG).await, Lead::Follow);
}

async fn w1_a_wait_ends_with_the_computation(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    for fills in [true, false] {
        let key = if fills { "filled" } else { "abandoned" };
        let token = leads(first, key, LONG).await;
        assert_eq!(second.lead(key, LONG).await, Lead::Follow);
        let compute = async {
            clock::sleep(SHORT).await;
            match fills {
                true => assert!(first.fill(key, &token, "1", LONG).await),
                false => first.abandon(key, &token).await,
            }
        };
        let follow = async {
            while second.lead(key, LONG).await == Lead::Follow {
                second.wait(key).await;
            }
        };
        within(SOON, "the follower goes on", futures_util::future::join(compute, follow)).await;
        within(SOON, "what is over is not waited for", second.wait(key)).await;
    }
}

async fn w2_a_wait_ends_by_itself(fixture: Fixture) {
    let Some((first, second)) = fixture.shared().await else { return };
    leads(first, "k", LONG).await;
    let since = clock::now();
    within(SOON, "a wait", second.wait("k")).await;
    let took = clock::now().saturating_duration_since(since);
    // Twice, for a machine that is slow.
    assert!(took < MAX_CACHE_ANSWER * 2, "{took:?}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CASES;

    #[test]
    fn each_clause_has_a_case_and_each_case_a_clause() {
        let clause = |line: &str| {
            let (id, _) = line.trim_start().strip_prefix("/// - **")?.split_once("**")?;
            Some(id.to_lowercase())
        };
        let documented: Vec<_> = include_str!("mod.rs").lines().filter_map(clause).collect();
        let tested: Vec<_> =
            CASES.iter().filter_map(|case| case.name.split('_').next()).map(str::to_owned).collect();
        assert_eq!(documented.len(), tested.len());
        assert_eq!(documented.into_iter().collect::<BTreeSet<_>>(), tested.into_iter().collect());
    }
}
