//! Whether two requests of a chat are one that was sent again.

use serde_json::Value;

/// Whether a run's recorded input is what this body became. A workflow that takes less than all of it has less of it recorded:
/// it must have its messages recorded, and every one as it is here.
pub(super) fn is_same(recorded: &Value, body: &Value) -> bool {
    let has_messages = recorded["messages"].as_array().is_some_and(|messages| !messages.is_empty());
    has_messages && is_part_of(recorded, body)
}

fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        // What a type adds by itself is not in the body.
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(key, value)| whole.get(key).map_or(value.is_null(), |other| is_part_of(value, other))),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_part_of(part, whole))
        }
        (part, whole) => part == whole,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_known_again_by_what_is_recorded_of_it() {
        let body = json!({ "id": "c", "trigger": "submit-message",
            "messages": [{ "id": "m1", "role": "user", "parts": [{ "type": "text", "text": "hi" }] }] });
        assert!(is_same(&body, &body));
        assert!(is_same(&json!({ "messages": [{ "id": "m1" }], "model": null }), &body));
        let others = [
            json!({ "messages": [{ "id": "m2" }] }),
            json!({ "messages": [{ "id": "m1" }, { "id": "m2" }] }),
            json!({ "messages": [{ "id": "m1", "parts": [{ "text": "ho" }] }] }),
            json!({ "messages": [{ "id": "m1" }], "trigger": "regenerate-message" }),
            json!({ "messages": [], "id": "c" }),
            json!({ "id": "c" }),
            json!(null),
        ];
        for other in others {
            assert!(!is_same(&other, &body), "{other}");
        }
    }
}
