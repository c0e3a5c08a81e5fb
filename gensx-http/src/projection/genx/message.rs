//! The messages of the GenSX wire, and their JSON.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use gensx_core::{CallId, event::Json};
use serde::{
    Deserialize as _, Serialize,
    de::{IntoDeserializer, value::Error},
};

use super::{Log, Progress};

/// The last moment that the format can show: the end of the year 9999, in milliseconds since 1970.
const LAST_MS: u64 = 253_402_300_799_999;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Message<'a> {
    Start {
        workflow_name: &'a str,
        workflow_execution_id: &'a str,
    },
    ComponentStart {
        component_name: &'a str,
        component_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<&'a str>,
    },
    ComponentEnd {
        component_name: &'a str,
        component_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<&'a str>,
    },
    Data {
        data: Value<'a>,
    },
    Event {
        label: &'a str,
        data: Value<'a>,
    },
    Object {
        label: &'a str,
        patches: Patches<'a>,
        #[serde(skip_serializing_if = "is_false")]
        is_initial: bool,
    },
    ExternalTool {
        tool_name: &'a str,
        params: Open,
        params_schema: Open,
        result_schema: Open,
        node_id: &'a str,
        #[serde(skip_serializing_if = "is_false")]
        fulfilled: bool,
    },
    Output {
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<&'a str>,
    },
    Error {
        error: &'a str,
        execution_id: &'a str,
        execution_status: &'static str,
    },
    End,
}

/// `{}`: no parameters, and the schema of anything.
#[derive(Serialize)]
pub(super) struct Open {}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Value<'a> {
    Json(&'a Json),
    Text(&'a str),
    Progress(Progress),
    Log(Log<'a>),
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Patches<'a> {
    /// As an event holds them.
    Stored(&'a Json),
    One([Op<'a>; 1]),
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub(super) enum Op<'a> {
    Add { path: &'a str, value: &'a str },
    Replace { path: &'a str, value: &'a str },
    StringAppend { path: &'a str, value: &'a str },
}

impl<'a> Patches<'a> {
    pub(super) fn add(path: &'a str, value: &'a str) -> Self {
        Self::One([Op::Add { path, value }])
    }

    pub(super) fn replace(path: &'a str, value: &'a str) -> Self {
        Self::One([Op::Replace { path, value }])
    }

    pub(super) fn append(path: &'a str, value: &'a str) -> Self {
        Self::One([Op::StringAppend { path, value }])
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Message<'_> {
    /// The message with its time, on one line; the id is its reader's to add, in front.
    pub(super) fn to_line(&self, time_ms: u64) -> Option<String> {
        // There is nothing in a message that has no JSON form.
        let json = serde_json::to_string(self).ok()?;
        let mut line = format!(r#"{{"timestamp":"{}",{}"#, iso8601(time_ms), json.strip_prefix('{')?);
        // No string of JSON holds a bare line end; between its tokens one may stand, where an application wrote it so.
        if line.contains(['\n', '\r']) {
            line = line.replace(['\n', '\r'], " ");
        }
        Some(line)
    }
}

/// A time, in milliseconds since 1970, as ISO 8601 has it.
pub(crate) fn iso8601(ms: u64) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(ms.min(LAST_MS));
    humantime::format_rfc3339_millis(time).to_string()
}

/// Which request for input an answer is for: the input's name and the call that asks, as `name:call`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NodeId {
    pub(crate) name: String,
    pub(crate) call: CallId,
}

impl NodeId {
    pub(super) fn of(name: &str, call: CallId) -> Self {
        Self { name: name.to_owned(), call }
    }

    /// Reads one as it stands in a path whose escapes are undone. Whatever else stands there may be an input's plain name.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (name, call) = text.rsplit_once(':')?;
        let id = CallId::deserialize(IntoDeserializer::<Error>::into_deserializer(call)).ok()?;
        (id.to_string() == call).then(|| Self::of(name, id))
    }
}

/// As clients put it into a path, which they do without escaping it: what would end a segment is escaped here already.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.name.chars() {
            match char {
                '%' | '/' | '\\' | '?' | '#' | '\0'..='\x1f' | '\x7f' => {
                    write!(f, "%{:02X}", u32::from(char))
                }
                char => write!(f, "{char}"),
            }?;
        }
        write!(f, ":{}", self.call)
    }
}
