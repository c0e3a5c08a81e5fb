//! What the events of a run mean for those who watch: pure, so that it is tested without a terminal.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use gensx::event::Outcome;
use gensx::{CallId, Event, EventKind};

use crate::model::llm::Tokens;

/// Follows a run's stream.
#[derive(Default)]
pub(crate) struct Track {
    /// The components that are shown, by name; others are inner workings.
    shown: &'static [&'static str],
    stages: HashMap<CallId, Stage>,
    tokens: Tokens,
    answers: u64,
    ended: usize,
}

struct Stage {
    name: String,
    chars: usize,
}

/// A change worth showing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// The run goes on in this process; what is told before was recorded by an earlier one.
    Resumed { kept: usize },
    /// Something happened in a stage.
    Stage { call: CallId, name: String, step: Step },
}

/// What happened in a stage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Began,
    Streamed { chars: usize },
    Retrying { attempt: u32, wait: Duration, why: String },
    Done { chars: usize },
    Failed { why: String },
    Cancelled,
}

impl Track {
    pub(crate) fn new(shown: &'static [&'static str]) -> Self {
        Self { shown, ..Self::default() }
    }

    /// The tokens that the run's answers were billed, those of earlier processes among them, and the number of
    /// answers.
    pub(crate) fn totals(&self) -> (Tokens, u64) {
        (self.tokens, self.answers)
    }

    /// Takes the next event of the stream.
    pub(crate) fn apply(&mut self, event: &Event) -> Option<Change> {
        match &event.kind {
            EventKind::RunClaimed { .. } => return Some(Change::Resumed { kept: self.ended }),
            EventKind::Usage(usage) => {
                self.answers += 1;
                self.tokens.prompt += usage.input_tokens;
                self.tokens.completion += usage.output_tokens;
            }
            _ => {}
        }
        let call = event.call?;
        if let EventKind::Started { name, label, .. } = &event.kind {
            self.begin(call, name, label.as_deref());
        }
        let stage = self.stages.get_mut(&call)?;
        let step = step(stage, event)?;
        if matches!(step, Step::Done { .. }) {
            self.ended += 1;
        }
        Some(Change::Stage { call, name: stage.name.clone(), step })
    }

    fn begin(&mut self, call: CallId, component: &str, label: Option<&str>) {
        if self.shown.contains(&component) {
            let name = label.map_or_else(|| component.to_owned(), |label| format!("section “{label}”"));
            self.stages.insert(call, Stage { name, chars: 0 });
        }
    }
}

fn step(stage: &mut Stage, event: &Event) -> Option<Step> {
    Some(match &event.kind {
        EventKind::Started { .. } => Step::Began,
        EventKind::Text { text, .. } => {
            stage.chars += text.chars().count();
            Step::Streamed { chars: stage.chars }
        }
        EventKind::Retried { error, delay_ms, .. } => {
            // The next attempt streams its text anew.
            stage.chars = 0;
            let error = error.to_error();
            Step::Retrying {
                attempt: error.attempts(),
                wait: Duration::from_millis(*delay_ms),
                why: why(&error),
            }
        }
        EventKind::Ended { outcome: Outcome::Failed(error) } => Step::Failed { why: why(&error.to_error()) },
        EventKind::Ended { outcome: Outcome::Cancelled } => Step::Cancelled,
        EventKind::Ended { .. } => Step::Done { chars: stage.chars },
        _ => return None,
    })
}

/// What went wrong, on one line: the component's own error, which stands below gensx's. What is below that again is
/// for logs.
fn why(error: &gensx::Error) -> String {
    let own = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    own.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Began => f.write_str("working"),
            Self::Streamed { chars } => write!(f, "{chars} characters"),
            Self::Retrying { attempt, wait, why } => {
                write!(f, "attempt {attempt} failed, again in {:.1} s: {why}", wait.as_secs_f64())
            }
            Self::Done { chars: 0 } => f.write_str("done"),
            Self::Done { chars } => write!(f, "done, {chars} characters"),
            Self::Failed { why } => write!(f, "failed: {why}"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}
