//! For tests whose program is started again to play the part of another process. Cases are run as the usual harness
//! does it: the same arguments choose among them, the same last line counts them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

/// Options of the usual harness that are followed by a value.
const WITH_VALUE: [&str; 6] = ["--test-threads", "--skip", "--color", "--format", "--logfile", "-Z"];

/// One test.
#[allow(missing_debug_implementations, reason = "a case is a closure")]
pub struct Case<'a> {
    /// Its name.
    pub name: String,
    /// Runs it; a panic is its failure.
    pub run: Box<dyn Fn() + 'a>,
}

/// Which cases the arguments choose.
struct Choice {
    names: Vec<String>,
    exact: bool,
    list: bool,
}

impl Choice {
    fn from(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut choice = Self { names: Vec::new(), exact: false, list: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => choice.exact = true,
                "--list" => choice.list = true,
                option if WITH_VALUE.contains(&option) => drop(arguments.next()),
                option if option.starts_with('-') => {}
                _ => choice.names.push(argument),
            }
        }
        choice
    }

    fn takes(&self, case: &str) -> bool {
        let fits = |name: &String| if self.exact { case == name } else { case.contains(name.as_str()) };
        self.names.is_empty() || self.names.iter().any(fits)
    }
}

/// Runs the cases that the arguments choose, one after the other.
pub fn run(cases: &[Case<'_>]) -> ExitCode {
    let choice = Choice::from(std::env::args().skip(1));
    let (chosen, others): (Vec<_>, Vec<_>) = cases.iter().partition(|case| choice.takes(&case.name));
    if choice.list {
        chosen.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    println!("\nrunning {} tests", chosen.len());
    // What failed says so itself, on standard error, as it panics.
    let failed = chosen.iter().filter(|case| !passes(case)).count();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        chosen.len() - failed,
        others.len(),
        started.elapsed().as_secs_f64()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(case: &Case<'_>) -> bool {
    let passed = catch_unwind(AssertUnwindSafe(&case.run)).is_ok();
    println!("test {} ... {}", case.name, if passed { "ok" } else { "FAILED" });
    passed
}
