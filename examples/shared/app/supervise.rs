//! The worker as a process: started, started again when it ends, and asked to drain at the end.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::DRAIN;
use super::status::Status;

/// The argument that says that somebody holds the worker's standard input.
pub(super) const SUPERVISED: &str = "supervised";

/// The wait after the first worker that ended at once.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest wait.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// A worker that lived this long was in order: the one after it starts at once.
const LIVED: Duration = Duration::from_secs(2);
/// After the time for draining, before the worker is killed.
const MARGIN: Duration = Duration::from_secs(2);

/// Keeps a worker until `stopped` says so.
///
/// # Errors
/// When the program cannot be started at all.
pub(super) async fn supervise(status: Status, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    // Once: a program that is built anew meanwhile has another path.
    let program = std::env::current_exe().context("where this program is")?;
    let mut failures = 0;
    loop {
        let mut child = start(&program)?;
        // Taken out: waiting for a child closes the input that it still has.
        let held = child.stdin.take();
        status.began(child.id());
        let began = Instant::now();
        let ended = tokio::select! {
            ended = child.wait() => ended?,
            _ = stopped.wait_for(|stopped| *stopped) => {
                drop(held);
                return end(child).await;
            }
        };
        status.ended();
        failures = if began.elapsed() >= LIVED { 0 } else { failures + 1 };
        let pause = pause(failures);
        eprintln!("the worker ended ({ended}), another one starts in {} ms", pause.as_millis());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
        }
    }
}

fn start(program: &Path) -> anyhow::Result<Child> {
    Command::new(program)
        .args(["worker", SUPERVISED])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))
}

/// Waits for a worker that drains, since its standard input was closed.
async fn end(mut child: Child) -> anyhow::Result<()> {
    if tokio::time::timeout(DRAIN + MARGIN, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

/// The wait before the next worker, after so many in a row that ended at once.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(more) => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(more)).min(MAX_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_lived_is_followed_at_once_and_others_ever_later() {
        let waits: Vec<u128> = (0..4).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(waits, [0, 200, 400, 800]);
        assert_eq!(pause(u32::MAX), MAX_PAUSE);
    }
}
