//! What a component's body can say and ask, without a context parameter.

mod emit;
mod input;
mod recorded;
mod sleep;
mod spawn;

use std::sync::Arc;

pub use emit::{emit, emit_text, log, progress, publish, usage};
pub use input::input;
pub use recorded::{now, random, uuid};
pub use sleep::sleep;
pub use spawn::{Spawned, spawn};

use crate::{CallId, RunId, run::scope};

/// Where the current code runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Current {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The names from the run's first component down to this one, such as `blog/write_section`.
    pub path: Arc<str>,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// The run, path and attempt of the component that runs here; `None` outside a run.
///
/// ```
/// # use gensx_core as gensx;
/// if let Some(current) = gensx::current() {
///     println!("attempt {} of {} in run {}", current.attempt, current.path, current.run);
/// }
/// ```
#[must_use]
pub fn current() -> Option<Current> {
    scope::with(|node| Current {
        run: node.run.id.clone(),
        call: node.id,
        path: node.path(),
        attempt: node.attempt(),
    })
}

/// A key for side effects that understand one: the same for every attempt and replay of this call with the same inputs, in
/// this run and in one that retries it; different for other inputs. `None` outside a run.
///
/// ```
/// # async fn charge(amount: u32) {
/// let key = gensx_core::idempotency_key().unwrap_or_default();
/// // request.header("Idempotency-Key", key)
/// # }
/// ```
#[must_use]
pub fn idempotency_key() -> Option<String> {
    scope::with(|node| node.idempotency_key())
}
