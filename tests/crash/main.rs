//! Processes that execute runs are killed at random moments, and their runs go on elsewhere: nothing that was recorded
//! is done again, and what is done again is done under its same key. Shown by a ledger that bodies write outside
//! the sink.
#![allow(missing_docs)]

mod checks;
mod common;
mod driver;
mod flights;
mod program;

use std::{process::ExitCode, sync::LazyLock};

use common::{backend::BACKENDS, part};
use gensx_test_servers::harness;

fn main() -> ExitCode {
    if part::is_ours() {
        return part::play(&program::journey, "journey".to_owned(), async || {});
    }
    let backends = BACKENDS.map(|backend| (backend, LazyLock::new(move || driver::live(backend))));
    let mut cases = Vec::new();
    for (backend, journeys) in &backends {
        for (name, check) in checks::CHECKS {
            let run = Box::new(|| check(journeys));
            cases.push(harness::Case { name: format!("{}::{name}", backend.name), run });
        }
    }
    harness::run(&cases)
}
