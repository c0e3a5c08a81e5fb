//! How a component's output and error are written down and read again, without their types in the way.

use std::{error::Error as StdError, fmt, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{BoxError, Error, event::Json};

/// What a component's function returns: a `Result`, by any alias.
#[diagnostic::on_unimplemented(
    message = "a component returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "write `-> gensx::Result<{Self}>` and end the body with `Ok(..)`: a call can fail in its timeout, its caller or its store, even where the body cannot"
)]
pub trait Return {
    /// The output.
    type Output;
    /// The error.
    type Error;

    /// The `Result` itself.
    ///
    /// # Errors
    /// The function's own.
    fn into_result(self) -> Result<Self::Output, Self::Error>;
}

impl<T, E> Return for Result<T, E> {
    type Output = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// Writes and reads an output.
pub struct OutputCodec<T> {
    pub(crate) encode: fn(&T) -> Result<Json, serde_json::Error>,
    pub(crate) decode: fn(&RawValue) -> Result<T, serde_json::Error>,
    pub(crate) type_name: fn() -> &'static str,
}

impl<T> Clone for OutputCodec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OutputCodec<T> {}

impl<T> fmt::Debug for OutputCodec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutputCodec<{}>", (self.type_name)())
    }
}

impl<T: Serialize + DeserializeOwned> OutputCodec<T> {
    pub(crate) fn new() -> Self {
        Self {
            encode: |value| super::to_json(value),
            decode: |json| serde_json::from_str(json.get()),
            type_name: std::any::type_name::<T>,
        }
    }
}

/// How what a function returns is written down and told to its caller.
pub struct ReturnCodec<T, E> {
    pub(crate) output: OutputCodec<T>,
    pub(crate) error: fn(E) -> Error,
}

impl<T, E> fmt::Debug for ReturnCodec<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.output.fmt(f)
    }
}

/// The codec of a function's return type; this is where a missing bound is reported, at that type.
#[must_use]
pub fn output<R: Return>() -> ReturnCodec<R::Output, R::Error>
where
    R::Output: Serialize + DeserializeOwned + Send + 'static,
    R::Error: Into<BoxError> + Send + 'static,
{
    ReturnCodec { output: OutputCodec::new(), error: Error::from_user }
}

/// Writes and reads a component's own error, where its type is serde's.
pub struct ErrorCodec<E>(pub(crate) Option<ErrorForm<E>>);

pub(crate) struct ErrorForm<E> {
    pub(crate) encode: fn(&E) -> Option<Json>,
    pub(crate) decode: fn(&RawValue) -> Option<BoxError>,
    /// Encodes the one that is found in a chain.
    pub(crate) find: fn(&Error) -> Option<Json>,
}

impl<E> fmt::Debug for ErrorCodec<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorCodec({})", self.0.is_some())
    }
}

/// Finds out whether an error type is serde's: its own `CODEC` wins over the trait's where its bounds hold.
#[derive(Debug)]
pub struct ErrorProbe<E>(PhantomData<E>);

impl<E: StdError + Serialize + DeserializeOwned + Send + Sync + 'static> ErrorProbe<E> {
    /// The codec.
    pub const CODEC: ErrorCodec<E> = ErrorCodec(Some(ErrorForm {
        encode: |error| super::to_json(error).ok(),
        decode: |json| serde_json::from_str::<E>(json.get()).ok().map(Into::into),
        find: |error| super::to_json(error.find::<E>()?).ok(),
    }));
}

/// What error types without serde have.
pub trait NoErrorCodec {
    /// The error type.
    type Error;
    /// None.
    const CODEC: ErrorCodec<Self::Error>;
}

impl<E> NoErrorCodec for ErrorProbe<E> {
    type Error = E;
    const CODEC: ErrorCodec<E> = ErrorCodec(None);
}
