//! Other processes: this same program, started again with a part to play, of which the environment tells.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
};

use super::SOON;

pub(crate) const PART: &str = "GENSX_TEST_PART";
pub(crate) const FILE: &str = "GENSX_TEST_FILE";

/// Another process, killed when it is dropped.
pub(crate) struct Other {
    child: Child,
    lines: Receiver<String>,
}

impl Other {
    pub(crate) fn start(part: &str, file: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(PART, part)
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(SOON).expect("the other process says nothing, or has ended")
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// SIGKILL, and everything it had said.
    pub(crate) fn kill(&mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
