//! A fleet under everything at once: its workers are processes that are killed, stopped for longer than their leases, and
//! drained; its Redis is cut off, and killed and started again on its log. Every run ends once, with the right output,
//! nothing that was recorded runs again, and nothing is left over. Shown by what bodies wrote outside the store.
//!
//! `GENSX_CHAOS_SEED=N` repeats the dice of a failure; with `GENSX_SOAK_SECONDS=N` runs are started for so long.
#![allow(missing_docs)]

mod checks;
mod driver;
mod fleet;
mod ledger;
mod program;
#[path = "../crash/common/stream.rs"]
mod stream;
mod trouble;
mod watch;

use std::{process::ExitCode, sync::LazyLock};

use gensx_test_servers::harness;

fn main() -> ExitCode {
    if program::is_ours() {
        return program::work();
    }
    let seen = LazyLock::new(driver::live);
    let case = |(name, check): &(&str, checks::Check)| {
        let (name, check, seen) = ((*name).to_owned(), *check, &seen);
        harness::Case { name, run: Box::new(move || check(seen)) }
    };
    harness::run(&checks::CHECKS.iter().map(case).collect::<Vec<_>>())
}
