//! An error as it stands in an event, and its way back.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{BoxError, Error, ErrorKind, Fate, Source, chain::chain};

/// The longest message of one cause that is recorded, in bytes.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ErrorRecord {
    kind: ErrorKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    #[serde(default)]
    attempts: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    permanent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// The messages of the causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    /// The component's own error, where its type is serde's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

impl ErrorRecord {
    /// Records `error`; `mask` hides known secrets in its texts.
    pub(crate) fn of(error: &Error, data: Option<Box<RawValue>>, mask: impl Fn(&str) -> String) -> Self {
        let text = |text: String| truncated(&mask(&text)).to_owned();
        let (permanent, retry_after_ms) = match error.fate() {
            Some(Fate::Permanent) => (true, None),
            Some(Fate::RetryAfter(wait)) => (false, u64::try_from(wait.as_millis()).ok()),
            Some(Fate::Retry) | None => (false, None),
        };
        Self {
            kind: error.kind(),
            code: error.code().map(|code| text(code.to_owned())),
            message: text(error.0.message.to_string()),
            component: error.component().map(str::to_owned),
            attempts: error.attempts(),
            permanent,
            retry_after_ms,
            causes: chain(error).skip(1).map(|cause| text(cause.to_string())).collect(),
            // A component's own error is written to the letter, or not at all: a secret in it cannot be cut out safely.
            data: data.filter(|json| mask(json.get()) == json.get()),
        }
    }

    /// The error again; `decode` gives the component's own error back from its data.
    pub(crate) fn into_error(self, decode: impl FnOnce(&RawValue) -> Option<BoxError>) -> Error {
        let mut error = Error::of(self.kind, self.message);
        error.0.code = self.code.map(Into::into);
        error.0.component = self.component.map(Into::into);
        error.0.attempts = self.attempts;
        error.0.fate = match (self.permanent, self.retry_after_ms) {
            (true, _) => Some(Fate::Permanent),
            (false, Some(ms)) => Some(Fate::RetryAfter(Duration::from_millis(ms))),
            (false, None) => None,
        };
        error.0.source = match self.data.as_deref().and_then(decode) {
            Some(source) => Some(Source::Boxed(Arc::from(source))),
            None => Recorded::chain(self.causes).map(|cause| Source::Boxed(Arc::new(cause))),
        };
        error
    }

    /// The error again, its causes as text.
    pub(crate) fn into_text_error(self) -> Error {
        self.into_error(|_| None)
    }
}

fn truncated(text: &str) -> &str {
    match text.char_indices().map(|(at, _)| at).find(|at| *at > MAX_MESSAGE_BYTES) {
        Some(end) => &text[..end],
        None => text,
    }
}

/// The text of an error whose type did not survive the recording.
#[derive(Debug)]
struct Recorded {
    message: String,
    cause: Option<Box<Recorded>>,
}

impl Recorded {
    fn chain(causes: Vec<String>) -> Option<Self> {
        let link = |cause: Option<Box<Self>>, message| Some(Box::new(Self { message, cause }));
        causes.into_iter().rev().fold(None, link).map(|boxed| *boxed)
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Recorded {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
