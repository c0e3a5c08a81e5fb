//! The request log: one JSON line per request, written before it is answered, so that a killed process leaves the
//! truth behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

/// One request.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    /// The run it came from, as the client says in a header.
    pub(super) run: &'a str,
    /// What it is for, as the client says in a header.
    pub(super) stage: &'a str,
    /// The client's idempotency key.
    pub(super) key: &'a str,
    pub(super) stream: bool,
    pub(super) status: u16,
    pub(super) fault: Option<&'a str>,
}

pub(super) struct Log(Mutex<File>);

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Appends a line, all of it in one write: a kill leaves no half of it.
    pub(super) fn append(&self, entry: &Entry<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(&line)
    }
}
