//! A component outside any run: an async function with its retries, its timeout and its boundary.

use std::sync::Arc;

use super::{Built, attempt, settle};
use crate::{
    Result,
    clock::{Clock as _, SystemClock},
    error::Classifiers,
    retry::{Decision, decide},
    runtime::orphans::refused,
};

pub(super) async fn run<T: Send>(mut call: Built<'_, T>) -> Result<T> {
    if call.refused {
        return Err(refused(&call.spec));
    }
    let path: Arc<str> = Arc::from(call.spec.name.as_ref());
    let clock = SystemClock::default();
    let mut number = 1;
    loop {
        let tried = attempt::bounded(&mut call.body, None, call.timeout, &clock).await;
        let failure = match tried.and_then(|value| settle::accepted(value, &call.ensure)) {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let place = (&path, number);
        let (failure, fate, when) = settle::judged(failure, place, call.spec.when, &Classifiers::default());
        let failure = failure.error;
        match decide(&call.retry, number, fate, when, rand_seed()) {
            Decision::Retry(delay) => clock.sleep(delay).await,
            Decision::GiveUp => {
                return match &mut call.fallback {
                    Some(fallback) => attempt::guarded("`fallback`", || fallback(failure))
                        .map_err(|panic| panic.error.in_component(&path, number)),
                    None => Err(failure.with_fate(crate::Fate::Permanent)),
                };
            }
        }
        number += 1;
    }
}

fn rand_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}
