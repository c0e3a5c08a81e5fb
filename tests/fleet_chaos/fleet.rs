//! The workers: processes of this same program.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::process::{Child, ChildStdin, Command};

use crate::{driver::within, program::LEDGER};

/// The longest that a drain may take: its own bounds, and Redis may be cut off meanwhile.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// One worker. Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    ledger: PathBuf,
    /// It ends when this is closed, and waiting for it would close what the child still has.
    _stdin: Option<ChildStdin>,
}

/// Starts workers, each with a ledger of its own.
pub(crate) struct Fleet {
    url: String,
    folder: PathBuf,
    started: u32,
}

impl Fleet {
    pub(crate) fn new(url: String, folder: &Path) -> Self {
        Self { url, folder: folder.to_owned(), started: 0 }
    }

    pub(crate) fn start(&mut self) -> Process {
        self.started += 1;
        let ledger = self.folder.join(format!("worker-{}", self.started));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(LEDGER, &ledger)
            .env(gensx::SINK_VARIABLE, &self.url)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Process { _stdin: child.stdin.take(), child, ledger }
    }

    pub(crate) fn started(&self) -> u32 {
        self.started
    }
}

impl Process {
    fn pid(&self) -> Pid {
        let id = self.child.id().expect("the process has not been waited for");
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Whether it has begun, and would drain at a signal.
    pub(crate) fn has_begun(&self) -> bool {
        self.ledger.exists()
    }

    /// Demands that it has not ended by itself.
    pub(crate) fn expect_alive(&mut self) {
        let status = self.child.try_wait().unwrap();
        assert!(status.is_none(), "{} ended by itself: {status:?}", self.ledger.display());
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Stops it, and returns when it stands.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let (_, status) = waitpid(Some(self.pid()), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{}: {status:?}", self.ledger.display());
    }

    pub(crate) fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// Has it drain, which must end well.
    pub(crate) async fn drain(mut self) {
        self.signal(Signal::TERM);
        let what = format!("the drain of {}", self.ledger.display());
        let status = within(&what, DRAIN_LIMIT, self.child.wait()).await.unwrap();
        assert!(status.success(), "{what}: {status}");
    }
}
