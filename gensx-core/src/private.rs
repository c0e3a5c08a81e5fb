//! What `#[component]` writes. Not part of the public API.

pub use crate::{
    call::call,
    component::{
        ErrorCodec, ErrorProbe, Inputs, NoErrorCodec, OutputCodec, Recorded, Return, ReturnCodec, Spec,
        inputs, output,
    },
};

/// A copy of an argument for one attempt; this is where a missing `Clone` is reported.
pub fn copy<T: Clone>(value: &T) -> T {
    value.clone()
}

/// Where an argument that is not `Send` is reported.
pub fn sendable<T: Send + ?Sized>(_value: &T) {}

/// The value of a `return` that is never reached, which tells the compiler a body's type.
///
/// # Panics
/// Always: it is never called.
pub fn unreachable<T>() -> T {
    unreachable!("written after `if false`")
}
