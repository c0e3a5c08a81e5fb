//! The part of the other process: to start a run or go on with it, until its end or the process's.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use gensx::{Component, ErrorKind, RunId, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use tokio::process::{Child, Command};

use super::{
    backend::Place,
    ledger::{self, Life},
};

const RUN: &str = "GENSX_TEST_RUN";
const LIFE: &str = "GENSX_TEST_LIFE";
const LEDGER: &str = "GENSX_TEST_LEDGER";

/// The exit code of a process that had the run taken away.
pub(crate) const FENCED: i32 = 3;

/// Whether this process was started to play a part.
pub(crate) fn is_ours() -> bool {
    std::env::var_os(RUN).is_some()
}

/// The ledger of a run.
pub(crate) fn ledger_of(place: &Place, run: &RunId) -> PathBuf {
    place.folder.path().join(format!("{run}.ledger"))
}

/// The ledger that this process was told to write to.
pub(crate) fn our_ledger() -> PathBuf {
    told(LEDGER).into()
}

/// Another process that starts the run, or goes on with it. Killed when it is dropped.
pub(crate) fn start(place: &Place, run: &RunId, life: u32, more: &[(&str, &Path)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env(RUN, run.as_str())
        .env(LIFE, life.to_string())
        .env(LEDGER, ledger_of(place, run))
        .env(gensx::SINK_VARIABLE, &place.url)
        .envs(more.iter().copied())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn told(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"))
}

/// Plays the part. `ready` is awaited before the run is touched.
pub(crate) fn play<W, I>(workflow: &W, input: I, ready: impl AsyncFnOnce()) -> ExitCode
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Send + 'static,
{
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let error = match executor.block_on(go_on(workflow, input, ready)) {
        Ok(_) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    if error.kind() == ErrorKind::Fenced {
        return u8::try_from(FENCED).unwrap().into();
    }
    eprintln!("life {} of run {} failed: {error:#}", told(LIFE), told(RUN));
    ExitCode::FAILURE
}

async fn go_on<W, I>(workflow: &W, input: I, ready: impl AsyncFnOnce()) -> gensx::Result<W::Output>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned + Send + 'static,
{
    let id: RunId = told(RUN).parse()?;
    let runtime = Runtime::from_env().await?;
    let last = runtime.sink().head(&id).await?.map(|head| head.last);
    let (epoch, seq) = last.map_or((0, 0), |last| (last.epoch, last.seq));
    ledger::begin(&our_ledger(), Life { life: told(LIFE).parse().unwrap(), epoch, seq });
    ready().await;
    let run = match last {
        None => runtime.start_with_id(workflow, id, input).await?,
        Some(_) => runtime.resume(workflow, &id).await?,
    };
    run.output().await
}
