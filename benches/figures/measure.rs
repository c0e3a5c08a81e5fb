//! Clocks, medians, and rows of the table.

use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use gensx::{EventSink, MemorySink, SqliteSink};
use tokio::runtime::Runtime as Tokio;

/// What a figure says, as a row of Markdown.
pub struct Row {
    pub what: String,
    pub gensx: String,
    pub baseline: String,
    pub answer: String,
    pub goal: &'static str,
}

impl Row {
    pub const HEADER: &'static str =
        "| figure | gensx | baseline, in the same run | result | goal |\n|---|---|---|---|---|";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, gensx, baseline, answer, goal } = self;
        write!(f, "| {what} | {gensx} | {baseline} | {answer} | {goal} |")
    }
}

/// Where a figure's streams live.
#[derive(Clone, Copy)]
pub enum Store {
    Memory,
    Sqlite,
}

impl Store {
    pub const BOTH: [Self; 2] = [Self::Memory, Self::Sqlite];

    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "SQLite",
        }
    }

    pub async fn open(self, folder: &Path) -> Arc<dyn EventSink> {
        match self {
            Self::Memory => Arc::new(MemorySink::new()),
            Self::Sqlite => Arc::new(SqliteSink::open(folder.join("figures.db")).await.unwrap()),
        }
    }
}

/// One worker: what is measured does not depend on how the scheduler spreads it.
pub fn one_worker() -> Tokio {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// The time that all threads of this process have had on a processor: other processes do not lengthen it.
fn cpu_time() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().unwrap()
}

/// CPU time that `work` takes.
pub async fn cpu<F: Future>(work: F) -> (Duration, F::Output) {
    let before = cpu_time();
    let output = work.await;
    (cpu_time() - before, output)
}

/// Wall time that `work` takes.
pub async fn wall<F: Future>(work: F) -> (Duration, F::Output) {
    let before = Instant::now();
    let output = work.await;
    (before.elapsed(), output)
}

pub fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

/// The median of `of / to`, round by round: what slows a round down slows both.
pub fn ratio(of: &[Duration], to: &[Duration]) -> f64 {
    let mut ratios: Vec<f64> =
        of.iter().zip(to).map(|(of, to)| of.as_secs_f64() / to.as_secs_f64()).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

pub fn micros(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}

pub fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
