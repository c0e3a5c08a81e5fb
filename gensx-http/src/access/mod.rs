//! Who may do what: the application's hook, and tokens that let a page read one run.

mod token;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::http::{StatusCode, request::Parts};
use gensx_core::RunId;

pub use token::ReadTokens;

use crate::problem::Problem;

/// For how long a token counts that an answer holds.
const TOKEN_TIME: Duration = Duration::from_secs(24 * 3600);

/// What a request wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Start a run.
    Start,
    /// See which workflows there are.
    Describe,
    /// List runs. A list holds only runs that the caller may [`Read`](Self::Read).
    List,
    /// Read a run: its events, its status, its output.
    Read,
    /// Send a message to a run.
    Input,
    /// Cancel a run.
    Cancel,
    /// Start a run in the place of one that failed.
    Retry,
    /// Remove a run.
    Delete,
}

/// What the hook is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// What the request wants to do.
    pub action: Action,
    /// The run that it wants to do it to.
    pub run: Option<RunId>,
    /// The workflow that it wants to start.
    pub workflow: Option<String>,
}

impl Ask {
    pub(crate) fn of(action: Action) -> Self {
        Self { action, run: None, workflow: None }
    }

    pub(crate) fn of_run(action: Action, run: &RunId) -> Self {
        Self { run: Some(run.clone()), ..Self::of(action) }
    }

    pub(crate) fn to_start(workflow: &str) -> Self {
        Self { workflow: Some(workflow.to_owned()), ..Self::of(Action::Start) }
    }
}

/// The hook's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may.
    Allow,
    /// It may not: a run is answered as if it did not exist, anything else with 403.
    Deny,
    /// It does not say who asks: 401.
    Unauthenticated,
}

type Answer = Pin<Box<dyn Future<Output = Verdict> + Send>>;
type Hook = Arc<dyn Fn(&Parts, Ask) -> Answer + Send + Sync>;

/// The hook and the tokens.
#[derive(Clone, Default)]
pub(crate) struct Access {
    hook: Option<Hook>,
    tokens: Option<ReadTokens>,
}

/// For how long a request was let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pass {
    /// As long as it likes.
    Open,
    /// For so many seconds.
    Seconds(u64),
}

impl Access {
    pub(crate) fn set_hook<F, A>(&mut self, hook: F)
    where
        F: Fn(&Parts, Ask) -> A + Send + Sync + 'static,
        A: Future<Output = Verdict> + Send + 'static,
    {
        self.hook = Some(Arc::new(move |parts, ask| Box::pin(hook(parts, ask))));
    }

    pub(crate) fn set_tokens(&mut self, tokens: ReadTokens) {
        self.tokens = Some(tokens);
    }

    /// A token that lets whoever was let in read the run where it cannot send what lets it in; none if there are none.
    pub(crate) fn token_for(&self, run: &RunId) -> Option<String> {
        self.tokens.as_ref().map(|tokens| tokens.issue(run, TOKEN_TIME))
    }

    /// Lets a request in, or says why not.
    pub(crate) async fn expect(&self, parts: &Parts, ask: Ask) -> Result<Pass, Problem> {
        if let (Action::Read, Some(run), Some(tokens)) = (ask.action, &ask.run, &self.tokens)
            && let Some(token) = token::of_request(parts)
        {
            return tokens.check(run, &token).map(Pass::Seconds).ok_or_else(|| Problem::no_run(run.as_str()));
        }
        let run = ask.run.clone();
        match self.ask(parts, ask).await {
            Verdict::Allow => Ok(Pass::Open),
            Verdict::Unauthenticated => {
                let text = "this needs a caller who is known: send credentials";
                Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", text))
            }
            Verdict::Deny => Err(run.map_or_else(denied, |run| Problem::no_run(run.as_str()))),
        }
    }

    /// What the hook says, without it: yes.
    pub(crate) async fn ask(&self, parts: &Parts, ask: Ask) -> Verdict {
        match &self.hook {
            Some(hook) => hook(parts, ask).await,
            None => Verdict::Allow,
        }
    }
}

fn denied() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "denied", "this caller may not do that")
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("hook", &self.hook.is_some()).field("tokens", &self.tokens).finish()
    }
}
