//! Processes that execute runs are killed at random moments, and their runs go on elsewhere: nothing that was recorded
//! is done again, and what is done again is done under its same key. Shown by a ledger that bodies write outside
//! the sink.
#![allow(missing_docs)]

mod checks;
mod common;
mod driver;
mod flights;
mod program;
mod relay;

use std::{process::ExitCode, sync::LazyLock};

use checks::Check;
use common::{backend::BACKENDS, part};
use driver::{JOURNEY, Journey, PROGRAM, Program, RELAY};
use gensx_test_servers::harness;

fn main() -> ExitCode {
    if part::is_ours() {
        return play();
    }
    let live = |program: Program| {
        BACKENDS.map(|backend| (backend, LazyLock::new(move || driver::live(backend, program))))
    };
    let (strict, pipelined) = (live(JOURNEY), live(RELAY));
    let mut cases = Vec::new();
    for (backend, journeys) in &strict {
        cases.extend(cases_of(backend.name, checks::CHECKS, journeys));
    }
    for (backend, journeys) in &pipelined {
        cases.extend(cases_of(&format!("{}::pipelined", backend.name), relay::CHECKS, journeys));
    }
    harness::run(&cases)
}

fn play() -> ExitCode {
    let program = std::env::var(PROGRAM).unwrap_or_default();
    if program == RELAY.name {
        return part::play(&relay::relay, program, async || {});
    }
    part::play(&program::journey, program, async || {})
}

fn cases_of<'a, F: FnOnce() -> Vec<Journey>>(
    name: &str,
    checks: &'static [(&'static str, Check)],
    journeys: &'a LazyLock<Vec<Journey>, F>,
) -> impl Iterator<Item = harness::Case<'a>> {
    checks.iter().map(move |(check, run)| harness::Case {
        name: format!("{name}::{check}"),
        run: Box::new(move || run(journeys)),
    })
}
