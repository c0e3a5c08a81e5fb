//! The JSON of events: one flat object. Flat, because serde buffers tagged enums and a resume reads every event.

mod decode;
mod encode;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(super) use decode::decode;
pub(crate) use encode::stored_to_json;
pub(super) use encode::{encode, to_json};

use super::{ErrorBody, LogLevel, Origin, QueuedAs, RunStatus, Usage};
use crate::{
    RunId,
    identity::{CallId, Fingerprint},
};

/// Every field of every kind. A kind fills its own; the others are left out.
#[derive(Serialize, Deserialize, Default)]
struct Wire<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'a str,
    time: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<CallId>,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<CallId>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    name: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    key: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    args: BTreeMap<String, Fingerprint>,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    label: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    plan: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_of: Option<RunId>,
    #[serde(default, skip_serializing_if = "is_zero")]
    carries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queued: Option<QueuedAs>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    deployment: Option<Text<'a>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    moved_from: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<RunStatus>,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    output: Option<&'a RawValue>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    output_type: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_executed")]
    from: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_ms: Option<u64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(default, borrow, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<LogLevel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sibling: Option<CallId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changed: Vec<String>,
}

/// A string that is borrowed where it has no escapes.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.into())
    }
}

/// A `null` that is there is a value, too: the output of a component that gives `()`.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_executed(origin: &Origin) -> bool {
    *origin == Origin::Executed
}
