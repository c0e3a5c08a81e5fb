//! Writes an article from the documentation of the crates that a project depends on.
//!
//! ```text
//! cargo run --example blog -- "async cancellation"
//! ```
//!
//! Research, an outline, sections written in parallel, and an edit are components of one run. Kill the process at any
//! moment and go on with `--resume RUN`: what had finished is on the run's stream and is not asked again. With no model
//! server named by `OPENAI_BASE_URL` or `OPENAI_API_KEY` it starts a small one of its own, which `--flaky` makes fail.

mod args;
#[path = "../shared/article/mod.rs"]
mod article;
#[path = "../shared/model/mod.rs"]
mod model;
mod progress;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use gensx::{EventKind, Run, RunId, Runtime};

use crate::args::{Job, Options};
use crate::model::built_in::Settings;
use crate::model::llm::LlmError;
use crate::progress::Progress;

/// What a command line that cannot be followed exits with, as usual.
const EXIT_USAGE: u8 = 2;

/// Where runs are kept unless the environment says so.
const RUNS_FILE: &str = "gensx.db";

/// The components that a reader of the run is shown, in their order.
const SHOWN: &[&str] = &["research", "outline", "write_section", "edit"];

#[tokio::main]
async fn main() -> ExitCode {
    let done = match args::parse(std::env::args_os()) {
        Ok(Job::Help) => print(args::USAGE),
        Ok(Job::Start { topic, options }) => write(Which::New { topic }, options).await,
        Ok(Job::Resume { run, topic, options }) => write(Which::Old { id: run, topic }, options).await,
        Err(error) => {
            eprintln!("blog: {error}\n\n{}", args::USAGE);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("blog: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The run to be worked on.
enum Which {
    New { topic: String },
    Old { id: String, topic: Option<String> },
}

async fn write(which: Which, options: Options) -> anyhow::Result<()> {
    let settings = Settings { flaky_seed: options.flaky_seed, log: options.model_log, ..Settings::default() };
    eprintln!("model: {}", model::connect(settings).await?);
    let runtime = runtime().await?;
    let run = match which {
        Which::New { topic } => runtime.start(&article::blog, topic).await?,
        Which::Old { id, topic } => resume(&runtime, &id, topic).await?,
    };
    eprintln!("run: {id} (when interrupted: cargo run --example blog -- --resume {id})", id = run.id());
    print(&follow(run).await?)
}

/// A runtime on the sink that the environment names, or on a file in this folder.
async fn runtime() -> anyhow::Result<Runtime> {
    let sink = if std::env::var_os(gensx::SINK_VARIABLE).is_some() {
        gensx::sink_from_env().await?
    } else {
        eprintln!("runs: in {RUNS_FILE}, in this folder ({} is not set)", gensx::SINK_VARIABLE);
        gensx::sink_from_url(&format!("sqlite:{RUNS_FILE}")).await?
    };
    Ok(Runtime::builder().shared_sink(sink).classify(LlmError::fate).build())
}

/// Goes on with a run, unless it is about something else.
async fn resume(runtime: &Runtime, id: &str, topic: Option<String>) -> anyhow::Result<Run<String>> {
    let id: RunId = id.parse()?;
    if let Some(topic) = topic {
        expect_topic(runtime, &id, &topic).await?;
    }
    Ok(runtime.resume(&article::blog, &id).await?)
}

/// A run keeps its topic. To go on with another one in silence would look like an answer to what was asked.
async fn expect_topic(runtime: &Runtime, id: &RunId, topic: &str) -> anyhow::Result<()> {
    let first = runtime.events(id, None).next().await.transpose()?;
    let input = first.and_then(|event| match event.kind {
        EventKind::RunStarted { input, .. } => input,
        _ => None,
    });
    let recorded: Option<String> = input.and_then(|json| serde_json::from_str(json.get()).ok());
    match recorded {
        Some(recorded) if recorded != topic => {
            anyhow::bail!("run `{id}` is about `{recorded}`: leave out the topic to go on with it")
        }
        _ => Ok(()),
    }
}

/// Shows a run until it ends, and gives its article.
async fn follow(run: Run<String>) -> anyhow::Result<String> {
    let mut progress = Progress::new(SHOWN);
    let mut events = run.events();
    // The stream of a run that this process has to let go of does not end, so the output is watched as well.
    let article = loop {
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(event) => progress.event(&event?),
                None => break run.output().await?,
            },
            Err(error) = run.output() => return Err(error.into()),
        }
    };
    let (tokens, answers) = progress.totals();
    eprintln!("usage: {answers} answers, {} tokens read, {} written", tokens.prompt, tokens.completion);
    Ok(article)
}

/// Writes to standard output; a reader that has seen enough is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}
