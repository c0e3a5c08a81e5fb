//! Shows a run's stages on standard error while it works: moving bars on a terminal, plain lines elsewhere. All of it
//! is read from the run's stream, so that a resumed run shows what was done before.

mod track;

use std::collections::HashMap;
use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use gensx::{CallId, Event};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use self::track::{Change, Step, Track};
use crate::model::llm::Tokens;

/// How often a bar moves while nothing happens.
const TICK: Duration = Duration::from_millis(120);

/// What a bar looks like.
const TEMPLATE: &str = "{spinner:.green} {prefix} {wide_msg:.dim}";

/// What moves while a stage works; the last one stays when it has ended.
const TICK_CHARS: &str = "⠁⠂⠄⡀⢀⠠⠐⠈·";

/// Follows a run and shows it.
pub(crate) struct Progress {
    track: Track,
    display: Display,
}

enum Display {
    Bars { all: MultiProgress, of_calls: HashMap<CallId, ProgressBar> },
    Lines,
}

impl Progress {
    /// Shows the components named.
    pub(crate) fn new(shown: &'static [&'static str]) -> Self {
        let display = if stderr().is_terminal() {
            Display::Bars { all: MultiProgress::new(), of_calls: HashMap::new() }
        } else {
            Display::Lines
        };
        Self { track: Track::new(shown), display }
    }

    /// Takes the next event of the run's stream.
    pub(crate) fn event(&mut self, event: &Event) {
        if let Some(change) = self.track.apply(event) {
            self.display.show(&change);
        }
    }

    /// The tokens that the run was billed, and for how many answers.
    pub(crate) fn totals(&self) -> (Tokens, u64) {
        self.track.totals()
    }
}

impl Display {
    fn show(&mut self, change: &Change) {
        match (self, change) {
            (Self::Lines, change) => {
                if let Some(line) = line(change) {
                    eprintln!("{line}");
                }
            }
            (Self::Bars { all, .. }, Change::Resumed { .. }) => {
                // An error means that the terminal is gone: nobody misses the line.
                let _ = all.println(line(change).unwrap_or_default());
            }
            (Self::Bars { all, of_calls }, Change::Stage { call, name, step }) => {
                let bar = of_calls.entry(*call).or_insert_with(|| new_bar(all, name));
                match step {
                    Step::Done { .. } | Step::Failed { .. } | Step::Cancelled => {
                        bar.finish_with_message(step.to_string());
                    }
                    _ => bar.set_message(step.to_string()),
                }
            }
        }
    }
}

/// The line that tells a change where nothing can be redrawn. Text that grows is told once, at its end.
fn line(change: &Change) -> Option<String> {
    match change {
        Change::Resumed { kept: 1 } => Some("resumed: 1 stage is kept".to_owned()),
        Change::Resumed { kept } => Some(format!("resumed: {kept} stages are kept")),
        Change::Stage { step: Step::Streamed { .. }, .. } => None,
        Change::Stage { name, step, .. } => Some(format!("{name}: {step}")),
    }
}

fn new_bar(all: &MultiProgress, name: &str) -> ProgressBar {
    let bar = all.add(ProgressBar::new_spinner());
    // A test reads the template; a plain bar stands in for a mistake in it.
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_spinner());
    bar.set_style(style.tick_chars(TICK_CHARS));
    bar.set_prefix(name.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}

#[cfg(test)]
mod tests;
