//! What bodies did, in a file that gensx knows nothing of: each line is on the disk before the body goes on. The line is
//! the body's effect, as a payment or a sent letter would be.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::OnceLock,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    Life(Life),
    Body(Body),
}

/// A process begins with a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Life {
    pub(crate) life: u32,
    /// The epoch and position of the stream's last event at that time; zeros if there was none.
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
}

/// A component's body runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) life: u32,
    /// The names of the components down to this one.
    pub(crate) path: String,
    pub(crate) inputs: Value,
    pub(crate) call: String,
    pub(crate) key: String,
    pub(crate) attempt: u32,
    /// Drawn anew each time.
    pub(crate) value: u64,
}

impl Body {
    /// Where it stands in the program: by convention, every component's first input.
    pub(crate) fn site(&self) -> &str {
        self.inputs[0].as_str().expect("the first input names the site")
    }
}

/// The ledger that this process writes to.
static OURS: OnceLock<Ours> = OnceLock::new();

struct Ours {
    file: File,
    life: u32,
}

impl Ours {
    /// Writes a line, and returns when it is on the disk.
    fn write(&self, before: &str, line: &Line) {
        let line = format!("{before}{}\n", serde_json::to_string(line).unwrap());
        (&self.file).write_all(line.as_bytes()).unwrap();
        self.file.sync_data().unwrap();
    }
}

fn ours() -> &'static Ours {
    OURS.get().expect("bodies run in processes that have begun a ledger")
}

/// Begins this process's life in the ledger.
pub(crate) fn begin(path: &Path, life: Life) {
    let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let ours = OURS.get_or_init(|| Ours { file, life: life.life });
    // A kill may have cut the last line: this one must not become a part of it.
    ours.write("\n", &Line::Life(life));
}

/// Notes that a body runs, and draws the random value that it is to return.
pub(crate) fn ran<I: Serialize>(inputs: I) -> u64 {
    let current = gensx::current().expect("a body that runs in a run");
    let body = Body {
        life: ours().life,
        path: current.path.to_string(),
        inputs: serde_json::to_value(inputs).unwrap(),
        call: current.call.to_string(),
        key: gensx::idempotency_key().expect("a body that runs in a run"),
        attempt: current.attempt,
        // Exact also where JSON numbers are doubles.
        value: fastrand::u64(..1 << 53),
    };
    let value = body.value;
    ours().write("", &Line::Body(body));
    value
}

/// Every line. One that was cut by a kill is no line: what it tells of never went on.
pub(crate) fn read(path: &Path) -> Vec<Line> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let mut lines = Vec::new();
    let mut cut = None;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(line) => {
                let begins = matches!(line, Line::Life(_));
                assert!(cut.take().is_none() || begins, "a line is cut, and its process goes on");
                lines.push(line);
            }
            Err(error) => cut = Some(error),
        }
    }
    lines
}

pub(crate) fn bodies(lines: &[Line]) -> impl Iterator<Item = &Body> {
    lines.iter().filter_map(|line| match line {
        Line::Body(body) => Some(body),
        Line::Life(_) => None,
    })
}

pub(crate) fn lives(lines: &[Line]) -> impl Iterator<Item = &Life> {
    lines.iter().filter_map(|line| match line {
        Line::Life(life) => Some(life),
        Line::Body(_) => None,
    })
}
