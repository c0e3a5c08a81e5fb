//! What bodies did, in files that gensx knows nothing of, one for each worker: each line is on the disk before the body
//! goes on, as a payment or a sent letter would be.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::OnceLock,
};

use serde::{Deserialize, Serialize};

use crate::watch;

/// A component's body runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) run: String,
    /// The claim under which it runs.
    pub(crate) epoch: u32,
    /// Where it stands in the program.
    pub(crate) site: String,
    pub(crate) call: String,
    pub(crate) key: String,
    /// Drawn anew each time.
    pub(crate) value: u64,
}

/// The ledger that this process writes to.
static OURS: OnceLock<File> = OnceLock::new();

/// Begins this process's ledger.
pub(crate) fn begin(path: &Path) {
    let file = OpenOptions::new().create_new(true).append(true).open(path).unwrap();
    OURS.set(file).expect("a process has one ledger");
}

/// Notes that a body runs, and draws the random value that it is to return.
pub(crate) fn ran(site: &str) -> u64 {
    let current = gensx::current().expect("a body that runs in a run");
    let line = Line {
        run: current.run.to_string(),
        epoch: watch::epoch(),
        site: site.to_owned(),
        call: current.call.to_string(),
        key: gensx::idempotency_key().expect("a body that runs in a run"),
        // Exact also where JSON numbers are doubles.
        value: fastrand::u64(..1 << 53),
    };
    let mut file = OURS.get().expect("bodies run in processes that have begun a ledger");
    file.write_all(format!("{}\n", serde_json::to_string(&line).unwrap()).as_bytes()).unwrap();
    file.sync_data().unwrap();
    line.value
}

/// Every line in the ledgers of a folder, by run, those of one worker in their order. A last one that was cut by a kill is
/// no line: what it tells of never went on.
pub(crate) fn read(folder: &Path) -> HashMap<String, Vec<Line>> {
    let mut lines: HashMap<String, Vec<Line>> = HashMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let line: Line = serde_json::from_str(line).unwrap();
            lines.entry(line.run.clone()).or_default().push(line);
        }
    }
    lines
}
