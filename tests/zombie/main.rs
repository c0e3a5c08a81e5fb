//! Processes that lost their run and do not know it: stopped in the middle, or faster than each other. One wins, the
//! others end with `Fenced` and start nothing more, and the stream shows one owner at a time.
#![allow(missing_docs)]

mod cases;
#[path = "../crash/common/mod.rs"]
mod common;
mod files;
mod owners;
mod program;

use std::process::ExitCode;

use common::{backend::BACKENDS, part};
use gensx_test_servers::harness;

fn main() -> ExitCode {
    if part::is_ours() {
        return part::play(&program::relay, "relay".to_owned(), program::hold_beginning);
    }
    let mut cases = Vec::new();
    for backend in BACKENDS {
        for (name, check) in cases::CASES {
            let run = Box::new(move || check(backend));
            cases.push(harness::Case { name: format!("{}::{name}", backend.name), run });
        }
    }
    harness::run(&cases)
}
