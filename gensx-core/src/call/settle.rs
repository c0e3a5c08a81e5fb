//! Making an outcome of what an attempt gave: accepted, written down, within its limits.

use super::{Failure, Predicate};
use crate::{Error, ErrorKind, Fate, component::OutputCodec, event::Json, runtime::Limits};

/// An output that every predicate accepts.
pub(super) fn accepted<T>(value: T, ensure: &[Predicate<'_, T>]) -> Result<T, Failure> {
    if ensure.iter().all(|predicate| predicate(&value)) {
        return Ok(value);
    }
    Err(Error::of(ErrorKind::Rejected, "the output was refused by `ensure`").into())
}

/// The output as it will be recorded.
pub(super) fn written<T>(value: &T, codec: &OutputCodec<T>, limits: &Limits) -> Result<Json, Failure> {
    let permanent = |kind, text: String| Failure::from(Error::of(kind, text).with_fate(Fate::Permanent));
    let json = (codec.encode)(value).map_err(|error| {
        permanent(ErrorKind::InvalidInput, format!("the output cannot be recorded as JSON: {error}"))
    })?;
    let size = json.get().len();
    if size > limits.event_bytes {
        let text = format!("the output has {size} bytes, the limit of an event is {}", limits.event_bytes);
        return Err(permanent(ErrorKind::Limit, text));
    }
    Ok(json)
}
