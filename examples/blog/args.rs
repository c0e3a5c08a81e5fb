//! The command line.

use std::path::PathBuf;

/// The seed of `--flaky` without one: with it, a run meets every kind of fault.
pub(crate) const DEFAULT_FLAKY_SEED: u64 = 7;

pub(crate) const USAGE: &str = "\
usage: blog \"TOPIC\" [OPTIONS]
       blog [\"TOPIC\"] --resume RUN [OPTIONS]

Writes an article about TOPIC from the documentation of the crates that the project in the current directory depends
on. The article goes to standard output, everything else to standard error.

options:
  --resume RUN       continue a run that was interrupted: what had finished is not done again
  --flaky[=SEED]     make the built-in model server fail as real ones do (slow, 429, 500, cut and broken answers)
  --model-log FILE   append one JSON line per request that the built-in model server gets
  -h, --help         print this

environment:
  OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL
                     the model server to use instead of the built-in one
  GENSX_SINK         where runs are kept (sqlite:FILE, memory); unset: sqlite:gensx.db";

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Job {
    Help,
    Start {
        topic: String,
        options: Options,
    },
    /// A topic given along is only compared with the one that the run was started with.
    Resume {
        run: String,
        topic: Option<String>,
        options: Options,
    },
}

/// How to do it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) flaky_seed: Option<u64>,
    pub(crate) model_log: Option<PathBuf>,
}

/// A command line that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("no topic: say what the article is about, as in `blog \"async cancellation\"`")]
    NoTopic,
    #[error("the topic is empty: say what the article is about, as in `blog \"async cancellation\"`")]
    EmptyTopic,
    #[error("unexpected argument `{0}`: put a topic of several words in quotes")]
    SecondTopic(String),
    #[error("`--flaky={0}`: the seed is a whole number from 0 to {max}, as in `--flaky=7`", max = u64::MAX)]
    BadSeed(String),
    #[error("{0}")]
    Syntax(#[from] lexopt::Error),
}

/// Reads the command line.
pub(crate) fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Job, UsageError> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_iter(args);
    let (mut topic, mut run) = (None, None);
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Job::Help),
            Long("resume") => run = Some(parser.value()?.string()?),
            // The seed must be joined with `=`: in `--flaky 7` the 7 is a topic.
            Long("flaky") => options.flaky_seed = Some(seed(parser.optional_value())?),
            Long("model-log") => options.model_log = Some(parser.value()?.into()),
            Value(value) if topic.is_none() => topic = Some(value.string()?),
            Value(value) => return Err(UsageError::SecondTopic(value.string()?)),
            unknown => return Err(unknown.unexpected().into()),
        }
    }
    let topic = topic.map(|topic: String| topic.trim().to_owned());
    match (topic, run) {
        (Some(topic), _) if topic.is_empty() => Err(UsageError::EmptyTopic),
        (topic, Some(run)) => Ok(Job::Resume { run, topic, options }),
        (Some(topic), None) => Ok(Job::Start { topic, options }),
        (None, None) => Err(UsageError::NoTopic),
    }
}

fn seed(value: Option<std::ffi::OsString>) -> Result<u64, UsageError> {
    let Some(value) = value else { return Ok(DEFAULT_FLAKY_SEED) };
    let text = value.to_string_lossy();
    text.parse().map_err(|_| UsageError::BadSeed(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Job, UsageError> {
        parse(["blog"].iter().chain(args).map(Into::into))
    }

    #[test]
    fn a_topic_with_options_starts_a_run() {
        let job = parsed(&["--flaky=3", "timeouts and retries", "--model-log", "m.jsonl"]).unwrap();
        let options = Options { flaky_seed: Some(3), model_log: Some("m.jsonl".into()) };
        assert_eq!(job, Job::Start { topic: "timeouts and retries".into(), options });
    }

    #[test]
    fn flaky_without_a_seed_takes_the_default_and_leaves_the_topic() {
        let job = parsed(&["--flaky", "streams"]).unwrap();
        let options = Options { flaky_seed: Some(DEFAULT_FLAKY_SEED), model_log: None };
        assert_eq!(job, Job::Start { topic: "streams".into(), options });
    }

    #[test]
    fn resume_needs_no_topic() {
        let job = parsed(&["--resume", "r1"]).unwrap();
        assert_eq!(job, Job::Resume { run: "r1".into(), topic: None, options: Options::default() });
    }

    #[test]
    fn mistakes_are_named() {
        for (args, part) in [
            (&[][..], "no topic"),
            (&["  "], "topic is empty"),
            (&["two", "words"], "unexpected argument `words`"),
            (&["--flaky=many", "topic"], "`--flaky=many`"),
            (&["--resume"], "missing argument for option '--resume'"),
            (&["--colour", "topic"], "invalid option '--colour'"),
        ] {
            let message = parsed(args).unwrap_err().to_string();
            assert!(message.contains(part), "{args:?} gave `{message}`, not `{part}`");
        }
    }
}
