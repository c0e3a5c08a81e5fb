//! Types of content.

/// A type without its parameters.
pub(super) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether messages are JSON values, and a page of them an array.
pub(super) fn is_json(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("application/json")
}

/// Whether two types differ in their parameters or their case at most.
#[cfg(feature = "durable-write")]
pub(super) fn is_same_type(one: &str, other: &str) -> bool {
    essence(one).eq_ignore_ascii_case(essence(other))
}
