//! What a component is to the library: its options, its inputs, and how its output and error are written down.

mod codec;
mod inputs;
mod spec;

pub use codec::{ErrorCodec, ErrorProbe, NoErrorCodec, OutputCodec, Return, ReturnCodec, output};
pub(crate) use inputs::InputRecord;
pub use inputs::{Inputs, Recorded, inputs};
pub(crate) use spec::SpecRef;
pub use spec::{Durability, KeyChange, Spec};

use serde_json::value::RawValue;

use crate::{Call, event::Json};

/// Anything that makes a call from one input: an async function under `#[component]` that takes one argument, a
/// closure that calls one, or a [`Workflow`](crate::Workflow).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no component that takes `{I}`",
    label = "no component with this input",
    note = "a component is an async function with one owned argument under `#[component]`, a closure such as `|x| f(x, 1)` around a call, or a `Workflow`"
)]
pub trait Component<I>: Clone + Send + Sync + 'static {
    /// What the call gives.
    type Output;

    /// Builds the call.
    fn call(&self, input: I) -> Call<'static, Self::Output>;

    /// What a plan says of it.
    fn stage(&self) -> crate::workflow::Stage;
}

impl<F, I, T> Component<I> for F
where
    F: Fn(I) -> Call<'static, T> + Clone + Send + Sync + 'static,
{
    type Output = T;

    fn call(&self, input: I) -> Call<'static, T> {
        self(input)
    }

    fn stage(&self) -> crate::workflow::Stage {
        crate::workflow::Stage::of_function(std::any::type_name::<F>())
    }
}

/// JSON text of any size; empty and unreadable text cannot come out of a serializer.
pub(crate) fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Json, serde_json::Error> {
    serde_json::value::to_raw_value(value)
}

pub(crate) fn null() -> Json {
    RawValue::NULL.to_owned()
}
