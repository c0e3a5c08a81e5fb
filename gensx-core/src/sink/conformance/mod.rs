//! The conformance suite of [`EventSink`]: a case for each numbered clause of the trait, and a random
//! test against a model.
//!
//! A backend runs all of it with one line, which makes a `#[test]` of each case:
//!
//! ```
//! use gensx_core::{MemorySink, conformance_tests, sink::conformance::Fixture};
//!
//! conformance_tests!(async || Fixture::new(MemorySink::new()));
//! # fn main() {}
//! ```
//!
//! The expression is called once for each case and must give an empty store. A store that several processes share
//! gives a second handle on it, too ([`Fixture::with_second`]): the cases about other processes then use both.

mod append;
mod inbox;
pub(crate) mod kit;
mod list;
mod manage;
mod model;
mod read;
mod wait;

use std::{any::Any, fmt, sync::Arc, time::Duration};

use super::EventSink;
use crate::clock::BoxFuture;
use append::*;
use inbox::*;
use list::*;
use manage::*;
use model::*;
use read::*;
use wait::*;

/// The longest that one case may take. What hangs fails.
const CASE_LIMIT: Duration = Duration::from_secs(120);

/// An empty store, as a case needs it.
pub struct Fixture {
    sink: Arc<dyn EventSink>,
    other: Arc<dyn EventSink>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Fixture {
    /// A store with one handle.
    #[must_use]
    pub fn new(sink: impl EventSink) -> Self {
        let sink: Arc<dyn EventSink> = Arc::new(sink);
        Self { other: Arc::clone(&sink), sink, kept: Vec::new() }
    }

    /// Adds a second handle on the same store, such as another process would have.
    #[must_use]
    pub fn with_second(mut self, sink: impl EventSink) -> Self {
        self.other = Arc::new(sink);
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
            .field("sink", &self.sink)
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// One case: its name begins with the clause it is for, or with `model`.
struct Case {
    name: &'static str,
    run: fn(Fixture) -> BoxFuture<()>,
}

/// Runs the case called `name` on the store that `fixture` gives: what [`conformance_tests!`](crate::conformance_tests)
/// expands to. It makes its own runtime.
///
/// # Panics
/// When the store does not do what the clause says, or the case takes longer than two minutes.
pub fn check<F: Future<Output = Fixture>>(name: &str, fixture: impl FnOnce() -> F) {
    let Some(case) = CASES.iter().find(|case| case.name == name) else { panic!("there is no case `{name}`") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime for the case: {error}"));
    runtime.block_on(async {
        let fixture = fixture().await;
        kit::within(CASE_LIMIT, name, (case.run)(fixture)).await;
    });
}

/// Makes the table of cases and the macro that makes tests of them from one list. `$d` is a dollar sign: the only way
/// to write one for the inner macro.
macro_rules! suite {
    ($d:tt $($case:ident),* $(,)?) => {
        const CASES: &[Case] =
            &[$(Case { name: stringify!($case), run: |fixture| Box::pin($case(fixture)) }),*];

        /// Makes a `#[test]` of each case of the [conformance suite](crate::sink::conformance). The argument is a
        /// function or closure without arguments whose future gives a
        /// [`Fixture`](crate::sink::conformance::Fixture).
        #[macro_export]
        macro_rules! conformance_tests {
            ($d fixture:expr) => {
                $(
                    #[test]
                    fn $case() {
                        $d crate::sink::conformance::check(stringify!($case), $d fixture);
                    }
                )*
            };
        }
    };
}

suite! { $
    a1_a_batch_that_opens_a_run_is_accepted,
    a2_a_batch_that_follows_under_the_same_epoch_is_accepted,
    a3_a_claim_that_follows_is_accepted,
    a4_a_batch_is_added_whole_or_not_at_all,
    a5_a_repeated_batch_is_a_duplicate,
    a6_a_stale_owner_is_fenced,
    a7_a_hole_is_lost,
    a8_nothing_follows_the_end,
    a9_one_of_the_claims_that_race_wins,
    a10_what_is_done_is_read,
    a11_a_run_is_kept_as_long_as_it_was_opened_for,
    r1_entries_come_in_order_and_to_the_letter,
    r2_pages_are_bounded_and_not_empty,
    r3_a_position_past_the_end_gives_nothing,
    r4_all_readers_read_the_same,
    r5_without_a_stream_it_is_not_found,
    h1_the_head_says_where_the_run_stands,
    w1_a_wait_for_what_is_there_returns_at_once,
    w2_a_wait_returns_after_an_append,
    w3_a_reader_that_waits_and_reads_sees_everything,
    l1_runs_come_newest_first,
    l2_pages_of_runs_neither_overlap_nor_leave_out,
    l3_pages_of_runs_are_bounded,
    l4_a_workflows_runs_are_listed,
    l5_runs_that_stand_so_are_listed,
    l6_a_deployments_runs_are_listed,
    l7_runs_of_a_time_are_listed,
    d1_a_deleted_run_is_gone,
    d2_a_run_that_does_not_exist_is_deleted_already,
    t1_time_does_not_go_back,
    i1_messages_are_numbered_in_order,
    i2_a_message_sent_again_is_stored_once,
    i3_a_message_needs_a_run_that_goes_on,
    i4_an_inbox_is_bounded,
    i5_an_unknown_run_has_no_messages,
    i6_arrivals_tell_every_message,
    i7_a_hint_and_a_look_find_every_message,
    model_random_interleavings_are_judged_like_the_model,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CASES;

    /// The clauses that the traits' documentation numbers: `- **A1** ...`.
    fn documented() -> Vec<String> {
        let text = [include_str!("../mod.rs"), include_str!("../inbox.rs")].concat();
        let clause = |line: &str| {
            let (id, _) = line.trim_start().strip_prefix("/// - **")?.split_once("**")?;
            Some(id.to_lowercase())
        };
        text.lines().filter_map(clause).collect()
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
