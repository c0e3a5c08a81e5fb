//! What the last stage of a workflow is, as a type: it says which options the stage can be given.

use std::marker::PhantomData;

/// The last stage of a [`Workflow`](crate::Workflow). Only this crate's kinds of stages implement it.
pub trait Last: sealed::Sealed + 'static {
    /// What the stage is given.
    type Input: Send + 'static;
}

/// A last stage that builds calls, which take options.
#[diagnostic::on_unimplemented(
    message = "the last stage builds no calls that could be given this",
    label = "`retry`, `timeout` and `or_else` belong right behind a stage that calls components",
    note = "`map` and `catch` take a function: give the options to the call that the function makes; after `finish`, nest the workflow in another one as its stage"
)]
pub trait TakesOptions: Last {}

/// A last stage that can be named.
#[diagnostic::on_unimplemented(
    message = "a finished workflow has no last stage that could be named",
    label = "call `named` before `finish`"
)]
pub trait Named: Last {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<M>(PhantomData<fn() -> M>);

        impl<M> sealed::Sealed for $name<M> {}

        impl<M: Send + 'static> Last for $name<M> {
            type Input = M;
        }
    )*};
}

kinds! {
    /// A stage that calls one component, or some.
    Calls,
    /// A stage that calls a component for each item of a list.
    Each,
    /// A stage that is a function of the application.
    Plain,
    /// The whole of a workflow that is finished: it has no last stage any more.
    Whole
}

impl<M: Send + 'static> TakesOptions for Calls<M> {}
impl<M: Send + 'static> TakesOptions for Each<M> {}

impl<M: Send + 'static> Named for Calls<M> {}
impl<M: Send + 'static> Named for Each<M> {}
impl<M: Send + 'static> Named for Plain<M> {}
