//! The parts of the stream, as they are written. Only types and keys that `ai` 5, 6 and 7 all know: another one ends the chat
//! of whoever has an older version.

use std::borrow::Cow;

use serde::Serialize;

/// The longest name of a part of the application's own, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// What the library's own parts begin with.
const OWN: &str = "gensx-";

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Part<'a> {
    Start {
        message_id: &'a str,
    },
    TextStart {
        id: &'a str,
        provider_metadata: Mark<'a>,
    },
    TextDelta {
        id: &'a str,
        delta: &'a str,
    },
    TextEnd {
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Mark<'a>>,
    },
    ReasoningStart {
        id: &'a str,
        provider_metadata: Mark<'a>,
    },
    ReasoningDelta {
        id: &'a str,
        delta: &'a str,
    },
    ReasoningEnd {
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Mark<'a>>,
    },
    Error {
        error_text: &'a str,
    },
    Abort {},
    Finish {},
}

/// What a text says of itself. A text in a message has no id, and this is all that stays with it.
#[derive(Serialize)]
pub(super) struct Mark<'a> {
    pub(super) gensx: Text<'a>,
}

#[derive(Serialize)]
pub(super) struct Text<'a> {
    /// The id of the part.
    pub(super) part: &'a str,
    pub(super) channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<&'a str>,
    pub(super) attempt: u32,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) superseded: bool,
}

/// `data-<name>`: with its id, what comes later stands in its place.
#[derive(Serialize)]
pub(super) struct Data<'a, T> {
    #[serde(rename = "type")]
    pub(super) kind: Cow<'static, str>,
    pub(super) id: &'a str,
    pub(super) data: T,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StepStatus {
    Running,
    Retrying,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Serialize)]
pub(super) struct Step<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<&'a str>,
    pub(super) status: StepStatus,
    pub(super) attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'a str>,
}

/// Texts that are superseded.
#[derive(Serialize)]
pub(super) struct Retry<'a> {
    pub(super) call: &'a str,
    pub(super) attempt: u32,
    pub(super) parts: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Progress {
    pub(super) done: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum InputStatus {
    Waiting,
    Received,
    /// Nobody waits any more.
    Closed,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input<'a> {
    pub(super) name: &'a str,
    pub(super) status: InputStatus,
    /// When the wait is given up, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) due_at: Option<u64>,
    /// Why the last message was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejected: Option<&'a str>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A part as a line.
pub(super) fn line(part: &impl Serialize) -> Option<String> {
    let json = serde_json::to_string(part).ok()?;
    // No string of JSON holds a bare line end; between its tokens one may stand, where an application wrote it so.
    Some(if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json })
}

/// The type of a part of the application's own: of `A-Z a-z 0-9 _ -`, and none of the library's.
pub(super) fn kind_of(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' };
    let mut name: String = name.chars().take(MAX_NAME_BYTES).map(letter).collect();
    if name.is_empty() {
        name.push_str("event");
    }
    let own = if name.starts_with(OWN) { "app-" } else { "" };
    format!("data-{own}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_type_that_every_version_takes() {
        assert_eq!(kind_of("weather"), "data-weather");
        assert_eq!(kind_of("my label/é"), "data-my-label--");
        assert_eq!(kind_of(""), "data-event");
        assert_eq!(kind_of("gensx-step"), "data-app-gensx-step");
        assert_eq!(kind_of(&"x".repeat(1_000)).len(), "data-".len() + MAX_NAME_BYTES);
    }
}
