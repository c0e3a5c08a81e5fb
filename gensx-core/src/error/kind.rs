use serde::{Deserialize, Serialize};

/// How something failed. The same live and replayed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The component's own code returned an error.
    Failed,
    /// The component's own code panicked.
    Panic,
    /// An attempt, or a wait for input, took longer than it was given.
    Timeout,
    /// `.ensure(..)` refused the output.
    Rejected,
    /// The call was dropped, or its parent ended before it.
    Cancelled,
    /// A value from outside cannot be used: an id, an input, a message.
    InvalidInput,
    /// The same `.key(..)` was used twice under one parent, or its inputs changed under the policy `Fail`.
    Key,
    /// A named limit was reached.
    Limit,
    /// What is recorded does not decode as the type that the program now has.
    Replay,
    /// There is no such run, or no such workflow.
    NotFound,
    /// A run with this id exists.
    Exists,
    /// A position is not in the stream: retention removed it, or the store lost it.
    Gone,
    /// The event sink failed.
    Sink,
    /// Another owner took the run over.
    Fenced,
    /// The process is letting go of its runs.
    Drained,
    /// Something is not set up: an unset variable, a feature that is off, a runtime option.
    Config,
    /// A fleet gave the run up: too many of its workers ended while they executed it, or could not.
    GivenUp,
    /// A kind that a newer version wrote.
    #[serde(other)]
    Unknown,
}
