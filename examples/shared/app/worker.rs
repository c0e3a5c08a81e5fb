//! The compute plane: a worker in a process of its own.

use std::io::Read as _;
use std::time::Duration;

use anyhow::Context as _;
use gensx::{Runtime, Worker};
use tokio::sync::oneshot;

use super::{App, DRAIN, store};
use crate::model;
use crate::model::built_in::Settings;
use crate::model::llm::LlmError;

/// After a worker's death its runs stand still for this long: short, so that whoever tries it sees it. In production the
/// default, 30 s, rides out longer pauses of a machine.
const LEASE: Duration = Duration::from_secs(2);
/// The wait between two pieces of the built-in model's answers: for people who watch.
const PACE: Duration = Duration::from_millis(25);
/// Runs at once.
const CONCURRENCY: usize = 8;
/// The variable whose number makes the built-in model server fail as real ones do.
const FLAKY_VARIABLE: &str = "FLAKY";

/// When a worker drains.
pub(super) enum Until {
    Signal,
    /// At a signal, and when the process that started it is gone.
    SupervisorEnds,
}

/// Executes runs until it is told to end.
///
/// # Errors
/// When the store or the model server does not open, and what ends a worker.
pub(super) async fn work(app: &App, until: Until) -> anyhow::Result<()> {
    let settings = Settings { flaky_seed: flaky_seed()?, pace: PACE, ..Settings::default() };
    let model = model::connect(settings).await?;
    let backend = store::open(app.name).await?;
    let builder = Worker::builder(backend)
        .lease(LEASE)
        .drain_deadline(DRAIN)
        .concurrency(CONCURRENCY)
        .runtime((app.runtime)(Runtime::builder().classify(LlmError::fate)));
    let worker = (app.register)(builder).build()?;
    eprintln!("worker {} works, model: {model}", std::process::id());
    match until {
        Until::Signal => worker.run_until(gensx::shutdown_signal()).await?,
        Until::SupervisorEnds => {
            let gone = supervisor_ends()?;
            let ends = async {
                tokio::select! {
                    () = gensx::shutdown_signal() => {}
                    _ = gone => {}
                }
            };
            worker.run_until(ends).await?;
        }
    }
    Ok(())
}

fn flaky_seed() -> anyhow::Result<Option<u64>> {
    let Ok(text) = std::env::var(FLAKY_VARIABLE) else { return Ok(None) };
    let seed = text.parse().with_context(|| format!("{FLAKY_VARIABLE}=`{text}`: give a whole number"))?;
    Ok(Some(seed))
}

/// The supervisor holds the other end of standard input, however it ends.
fn supervisor_ends() -> anyhow::Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    // A thread of its own: the process does not wait for it, as it would for a blocked read of tokio's.
    std::thread::Builder::new().name("supervisor".into()).spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = tell.send(());
    })?;
    Ok(told)
}
