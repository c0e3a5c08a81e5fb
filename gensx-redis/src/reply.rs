//! Answers, taken apart. What is of another shape than gensx asked for is an error and never a panic.

use gensx_core::{EventId, RunStatus, sink::Entry};
use redis::Value;

use crate::{error::Failure, keys};

fn odd() -> Failure {
    Failure::unavailable("Redis answered in a way that gensx does not know: check what stands between them")
}

pub(crate) fn bytes(value: Value) -> Result<Vec<u8>, Failure> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::VerbatimString { text, .. } => Ok(text.into_bytes()),
        _ => Err(odd()),
    }
}

pub(crate) fn text(value: Value) -> Result<String, Failure> {
    if matches!(value, Value::Okay) {
        return Ok("OK".to_owned());
    }
    String::from_utf8(bytes(value)?).map_err(|_| odd())
}

/// `None` for nothing.
pub(crate) fn optional_text(value: Value) -> Result<Option<String>, Failure> {
    if value == Value::Nil { Ok(None) } else { text(value).map(Some) }
}

pub(crate) fn number(value: &Value) -> Result<u64, Failure> {
    match value {
        Value::Int(number) => u64::try_from(*number).map_err(|_| odd()),
        _ => Err(odd()),
    }
}

pub(crate) fn list(value: Value) -> Result<Vec<Value>, Failure> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Nil => Ok(Vec::new()),
        _ => Err(odd()),
    }
}

/// A list of bytes, or of nothing where there is none.
pub(crate) fn optional_list(value: Value) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let item = |item| if matches!(item, Value::Nil) { Ok(None) } else { bytes(item).map(Some) };
    list(value)?.into_iter().map(item).collect()
}

pub(crate) fn texts(value: Value) -> Result<Vec<String>, Failure> {
    list(value)?.into_iter().map(text).collect()
}

/// Exactly so many.
pub(crate) fn fixed<T, const N: usize>(items: Vec<T>) -> Result<[T; N], Failure> {
    items.try_into().map_err(|_| odd())
}

/// Names with their scores, which are whole numbers. One that is none stands at 0.
pub(crate) fn scored(value: Value) -> Result<Vec<(String, u64)>, Failure> {
    let pair = |item| {
        let [name, score] = fixed(list(item)?)?;
        let Value::Double(score) = score else { return Err(odd()) };
        Ok((text(name)?, score as u64))
    };
    list(value)?.into_iter().map(pair).collect()
}

/// The id of a stream's entry; `key` is the stream.
pub(crate) fn event_id(value: Value, key: &str) -> Result<EventId, Failure> {
    keys::parse_id(&bytes(value)?).ok_or_else(|| Failure::foreign("an entry with an id", key))
}

pub(crate) fn status(text: &str, key: &str) -> Result<RunStatus, Failure> {
    let known = [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled];
    match known.into_iter().find(|status| status.as_str() == text) {
        Some(status) => Ok(status),
        None if text.is_empty() => Ok(RunStatus::Running),
        None => Err(Failure::foreign("a status", key)),
    }
}

/// A page of a stream; `key` is the stream.
pub(crate) fn entries(value: Value, key: &str) -> Result<Vec<Entry>, Failure> {
    list(value)?.into_iter().map(|value| entry(value, key)).collect()
}

fn entry(value: Value, key: &str) -> Result<Entry, Failure> {
    let mut parts = list(value)?.into_iter();
    let (Some(id), Some(fields)) = (parts.next(), parts.next()) else { return Err(odd()) };
    let id = event_id(id, key)?;
    let mut fields = list(fields)?.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if matches!(&name, Value::BulkString(name) if name == b"e") {
            return Ok(Entry { id, payload: bytes(value)?.into() });
        }
    }
    Err(Failure::foreign("an entry", key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn an_entry_is_read_whatever_else_it_holds() {
        let fields = ["t", "token", "e", "payload", "new", "x"].map(bulk).to_vec();
        let page = Value::Array(vec![Value::Array(vec![bulk("2-7"), Value::Array(fields)])]);
        let read = entries(page, "k").unwrap();
        assert_eq!((read[0].id, &read[0].payload[..]), (EventId::new(2, 7), &b"payload"[..]));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            Just(Value::Okay),
            any::<i64>().prop_map(Value::Int),
            any::<Vec<u8>>().prop_map(Value::BulkString),
            "[0-9]{1,4}-[0-9]{1,4}".prop_map(|id| Value::BulkString(id.into())),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Value::Array))
    }

    proptest! {
        #[test]
        fn any_answer_is_answered(value in any_value()) {
            let _ = entries(value.clone(), "k");
            let _ = optional_list(value.clone());
            let _ = texts(value.clone());
            let _ = scored(value.clone());
            let _ = number(&value);
        }
    }
}
