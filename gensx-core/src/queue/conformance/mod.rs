//! The conformance suite of [`RunQueue`]: a case for each numbered clause of the trait, and a random
//! test against a naive reference.
//!
//! A backend runs all of it with one line, which makes a `#[test]` of each case:
//!
//! ```
//! use gensx_core::{MemoryQueue, queue::conformance::Fixture, queue_conformance_tests};
//!
//! queue_conformance_tests!(async || Fixture::new(MemoryQueue::new()));
//! # fn main() {}
//! ```
//!
//! The expression is called once for each case and must give an empty queue. A queue that several processes share
//! gives a second handle on it, too ([`Fixture::with_second`]). Cases about time wait in real time, some tenths of a
//! second each, and bear with a machine that is slow, not with a store whose clock stands still.

mod claim;
mod deploy;
mod enqueue;
mod kit;
mod lease;
mod limits;
mod look;
mod model;
mod park;
mod wait;

use std::{any::Any, fmt, sync::Arc, time::Duration};

use super::RunQueue;
use crate::{clock::BoxFuture, sink::conformance::kit::within};
use claim::*;
use deploy::*;
use enqueue::*;
use lease::*;
use limits::*;
use look::*;
use model::*;
use park::*;
use wait::*;

/// The longest that one case may take. What hangs fails.
const CASE_LIMIT: Duration = Duration::from_secs(120);

/// An empty queue, as a case needs it.
pub struct Fixture {
    queue: Arc<dyn RunQueue>,
    other: Arc<dyn RunQueue>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Fixture {
    /// A queue with one handle.
    #[must_use]
    pub fn new(queue: impl RunQueue) -> Self {
        let queue: Arc<dyn RunQueue> = Arc::new(queue);
        Self { other: Arc::clone(&queue), queue, kept: Vec::new() }
    }

    /// Adds a second handle on the same queue, such as another process would have.
    #[must_use]
    pub fn with_second(mut self, queue: impl RunQueue) -> Self {
        self.other = Arc::new(queue);
        self
    }

    /// Keeps `thing` until the case is over: a temporary directory, a server.
    #[must_use]
    pub fn keeping(mut self, thing: impl Any + Send) -> Self {
        self.kept.push(Box::new(thing));
        self
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("queue", &self.queue)
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// One case: its name begins with the clause it is for, or with `model`.
struct Case {
    name: &'static str,
    run: fn(Fixture) -> BoxFuture<()>,
}

/// Runs the case called `name` on the queue that `fixture` gives: what
/// [`queue_conformance_tests!`](crate::queue_conformance_tests) expands to. It makes its own runtime.
///
/// # Panics
/// When the queue does not do what the clause says, or the case takes longer than two minutes.
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

        /// Makes a `#[test]` of each case of the [conformance suite](crate::queue::conformance). The argument is a
        /// function or closure without arguments whose future gives a
        /// [`Fixture`](crate::queue::conformance::Fixture).
        #[macro_export]
        macro_rules! queue_conformance_tests {
            ($d fixture:expr) => {
                $(
                    #[test]
                    fn $case() {
                        $d crate::queue::conformance::check(stringify!($case), $d fixture);
                    }
                )*
            };
        }
    };
}

suite! { $
    e1_a_fresh_run_may_be_claimed,
    e2_a_run_that_is_queued_is_known,
    e3_a_run_that_is_done_is_fresh_again,
    e4_an_idempotency_key_gives_the_first_run,
    e5_a_key_is_remembered_for_its_time_and_workflow,
    e6_a_run_is_not_given_before_its_time,
    e7_a_full_queue_refuses,
    e8_the_first_event_comes_until_the_stream_exists,
    e9_what_no_store_takes_is_refused,
    c1_only_named_workflows_and_so_many,
    c2_a_leased_run_is_given_to_nobody_else,
    c3_priority_then_arrival,
    c4_workflows_take_turns,
    c5_a_lease_that_ran_out_is_given_again,
    c6_after_so_many_claims_a_run_is_exhausted,
    c7_the_answer_says_when_something_is_due,
    c8_claims_that_race_share_the_runs,
    c9_many_due_at_once_all_come_back,
    l1_no_more_than_the_limit_at_once,
    l2_keys_take_turns,
    l3_a_full_limit_holds_up_no_other,
    l4_whatever_ends_a_lease_makes_room,
    l5_several_limits_are_all_kept,
    l6_priority_within_a_key,
    n1_a_renewed_lease_lasts,
    n2_a_lease_that_is_not_held_is_lost,
    n3_a_renewal_tells_the_wakes,
    n4_after_progress_the_claims_before_do_not_count,
    f1_done_is_forgotten,
    f2_back_is_ready_and_does_not_count,
    f3_retry_waits_and_counts,
    f4_dead_is_listed_and_not_given,
    f5_a_lease_that_is_not_held_changes_nothing,
    p1_parked_until_its_time,
    p2_parked_for_a_message,
    p3_a_wake_before_the_park_is_not_missed,
    p4_wakes_that_were_seen_do_not_count,
    p5_a_park_is_progress,
    k1_now_wakes_whatever_waits,
    k2_an_unknown_run_is_not_woken,
    b1_a_run_stays_with_its_deployment,
    b2_a_run_moves_when_its_deployment_is_gone,
    b3_a_pinned_run_never_moves,
    b4_the_newest_deployment_takes_all,
    b5_a_grant_says_from_where_it_moved,
    w1_a_wait_for_what_came_returns_at_once,
    w2_a_wait_returns_after_an_enqueue,
    w3_a_worker_that_waits_and_claims_gets_everything,
    w4_a_wait_returns_when_something_is_due_earlier,
    s1_find_gives_each_state,
    s2_stats_count_by_state,
    s3_deployments_are_listed,
    d1_dead_runs_are_paged,
    d2_a_removed_run_is_gone,
    d3_a_leased_run_is_not_removed,
    model_random_work_is_answered_like_the_reference,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CASES;

    /// The clauses that the trait's documentation numbers: `- **A1** ...`.
    fn documented() -> Vec<String> {
        let clause = |line: &str| {
            let (id, _) = line.trim_start().strip_prefix("/// - **")?.split_once("**")?;
            Some(id.to_lowercase())
        };
        include_str!("../mod.rs").lines().filter_map(clause).collect()
    }

    #[test]
    fn each_clause_has_a_case_and_each_case_a_clause() {
        let documented = documented();
        let clauses: BTreeSet<_> = documented.iter().cloned().collect();
        assert_eq!(clauses.len(), documented.len(), "a clause is numbered twice: {documented:?}");
        let prefixes =
            CASES.iter().filter_map(|case| case.name.split('_').next()).filter(|prefix| *prefix != "model");
        let tested: Vec<_> = prefixes.map(str::to_owned).collect();
        assert_eq!(clauses, tested.iter().cloned().collect());
        assert_eq!(clauses.len(), tested.len(), "a clause has two cases");
    }
}
