//! The model of this process, asked on the bill of the component that asks; and the small one that stands in where no
//! other is named.

pub(crate) mod built_in;
pub(crate) mod llm;
pub(crate) mod prompt;
pub(crate) mod text;

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use gensx::RetryPolicy;
use gensx::event::Usage;
use serde::de::DeserializeOwned;

use self::built_in::Settings;
use self::llm::{Caller, Llm, Server, Tokens};
use self::prompt::Prompt;

/// Attempts of a component that asks: one more than the built-in server's faults in a row, and as many as a provider in
/// trouble needs to calm down.
pub(crate) const PATIENT: RetryPolicy =
    RetryPolicy::new(6).initial(Duration::from_millis(300)).max(Duration::from_secs(20));
/// The channel of the text that a component streams.
const DRAFT: &str = "draft";

static LLM: OnceLock<Llm> = OnceLock::new();

/// Makes the server that the environment names this process's, or a built-in one with these settings. The model is no
/// argument of components, because it is no input: a resumed run may well go on with another one.
///
/// # Errors
/// When the built-in server does not start, and when settings are meant for it and the environment names another one.
pub(crate) async fn connect(settings: Settings) -> anyhow::Result<Server> {
    let server = match Server::from_env(|name| std::env::var(name).ok()) {
        Some(named) if settings.flaky_seed.is_some() || settings.log.is_some() => {
            anyhow::bail!(
                "only the built-in model server fails on demand and keeps a log, and the environment names {named}"
            )
        }
        Some(named) => named,
        None => Server::BuiltIn(
            built_in::start(settings).await.context("the built-in model server does not start")?,
        ),
    };
    let llm = Llm::new(&server)?;
    LLM.get_or_init(|| llm);
    Ok(server)
}

fn llm() -> &'static Llm {
    LLM.get().expect("main connects the model before it executes a run")
}

/// Asks the model for JSON.
pub(crate) async fn ask<T: DeserializeOwned>(stage: &str, prompt: &Prompt) -> anyhow::Result<T> {
    let answer = llm().ask(&caller(stage), prompt).await?;
    bill(answer.tokens);
    Ok(answer.value)
}

/// Asks the model for a text, streamed to the readers of the component that calls this.
pub(crate) async fn stream(stage: &str, prompt: &Prompt) -> anyhow::Result<String> {
    let answer = llm().stream(&caller(stage), prompt, |piece| gensx::emit_text(DRAFT, piece)).await?;
    bill(answer.tokens);
    Ok(answer.value)
}

fn caller(stage: &str) -> Caller {
    let run = gensx::current().map(|current| current.run.to_string());
    Caller {
        run: run.unwrap_or_default(),
        stage: stage.to_owned(),
        key: gensx::idempotency_key().unwrap_or_default(),
    }
}

fn bill(tokens: Tokens) {
    let model = llm().model().to_owned();
    gensx::usage(Usage { model, input_tokens: tokens.prompt, output_tokens: tokens.completion });
}
