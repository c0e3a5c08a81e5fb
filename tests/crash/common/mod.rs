//! What the tests with several processes share. Their other processes are this same program, started again with a part
//! to play: so these programs have a `main` of their own, which plays the part or runs the cases.

pub(crate) mod backend;
pub(crate) mod ledger;
pub(crate) mod part;
pub(crate) mod stream;

use std::time::Duration;

/// The longest wait for anything that should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// The wait between two looks at something that changes by itself.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Looks until there is something to see.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looks = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    within(what, looks).await
}

/// What `future` gives, which must come soon.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let given = tokio::time::timeout(SOON, future).await;
    given.unwrap_or_else(|_| panic!("waited {SOON:?} for {what}"))
}
