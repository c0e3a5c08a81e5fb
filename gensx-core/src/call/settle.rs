//! Making an outcome of what an attempt gave: accepted, written down, within its limits.

use std::sync::Arc;

use super::{Failure, Predicate, attempt::guarded};
use crate::{
    Error, ErrorKind, Fate,
    component::OutputCodec,
    error::{Classifiers, classify},
    event::Json,
    runtime::Limits,
};

/// An output that every predicate accepts.
pub(super) fn accepted<T>(value: T, ensure: &[Predicate<'_, T>]) -> Result<T, Failure> {
    if guarded("`ensure`", || ensure.iter().all(|predicate| predicate(&value)))? {
        return Ok(value);
    }
    Err(Error::of(ErrorKind::Rejected, "the output was refused by `ensure`").into())
}

/// The output as it will be recorded.
pub(super) fn written<T>(value: &T, codec: &OutputCodec<T>, limits: &Limits) -> Result<Json, Failure> {
    let permanent = |kind, text: String| Failure::from(Error::of(kind, text).with_fate(Fate::Permanent));
    let json = guarded("the serializer of its output", || (codec.encode)(value))?.map_err(|error| {
        permanent(ErrorKind::InvalidInput, format!("the output cannot be recorded as JSON: {error}"))
    })?;
    let size = json.get().len();
    if size > limits.event_bytes {
        let text = format!("the output has {size} bytes, the limit of an event is {}", limits.event_bytes);
        return Err(permanent(ErrorKind::Limit, text));
    }
    Ok(json)
}

/// What is said of a failed attempt of the component at `path`: its fate, and what `when` answers, where there is one.
/// Should saying it panic, that is the failure.
pub(super) fn judged(
    mut failure: Failure,
    (path, attempt): (&Arc<str>, u32),
    when: Option<fn(&Error) -> bool>,
    classifiers: &Classifiers,
) -> (Failure, Fate, Option<bool>) {
    failure.error = failure.error.in_component(path, attempt);
    let judge = || (classify(&failure.error, classifiers), when.map(|when| when(&failure.error)));
    match guarded("what judges its errors", judge) {
        Ok((fate, when)) => (failure, fate, when),
        Err(panic) => (panic.error.in_component(path, attempt).into(), Fate::Permanent, Some(false)),
    }
}
