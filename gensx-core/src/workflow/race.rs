use std::{fmt::Write as _, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{Calls, Last, Options, Stage, StageKind, Workflow};
use crate::{Call, Component, Error, ErrorKind, Result};

/// Components that take the same input and give the same type: a tuple of two to six, or a `Vec` of one
/// type. See [`Workflow::race`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` are no components that take `{I}` and give one type",
    label = "not a tuple of two to six components, or a `Vec` of them, with this input",
    note = "write `.race((a, b))`: each component gets a clone of the output so far, and all outputs have one type"
)]
pub trait Racers<I>: Send + Sync + 'static {
    /// The output of each.
    type Output: Send + 'static;

    #[doc(hidden)]
    fn stages(&self) -> Vec<Stage>;

    /// Builds all calls, in order.
    #[doc(hidden)]
    fn calls(&self, input: I) -> Vec<Call<'static, Self::Output>>;
}

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// Gives a clone of the output so far to each component, all at once, and goes on with the first success; the
    /// others are cancelled. If all fail, the stage fails with an error that names them.
    ///
    /// The winner's outcome is recorded and the losers' calls are recorded as cancelled: a resumed run has the same winner.
    #[must_use]
    pub fn race<R>(self, racers: R) -> Workflow<I, R::Output, Calls<O>>
    where
        R: Racers<O>,
    {
        let stage = Stage::group(StageKind::Race, "race", racers.stages());
        let step = move |input, options: &Options| {
            let calls = racers.calls(input).into_iter().map(|call| options.apply_unnamed(call));
            let running: FuturesUnordered<_> = calls.collect();
            Box::pin(first_success(running)) as _
        };
        self.push(stage, Arc::new(step))
    }
}

/// The first success. What else runs is dropped with it, which cancels it.
async fn first_success<T: Send + 'static>(mut running: FuturesUnordered<Call<'static, T>>) -> Result<T> {
    let mut failures = Vec::with_capacity(running.len());
    while let Some(result) = running.next().await {
        match result {
            Err(error) if !error.is_control() => failures.push(error),
            settled => return settled,
        }
    }
    Err(all_failed(failures))
}

fn all_failed(mut failures: Vec<Error>) -> Error {
    let mut text = "no component of the race succeeded: ".to_owned();
    for (at, error) in failures.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}`{}`", error.component().unwrap_or("?"));
    }
    match failures.pop() {
        Some(last) => Error::of(ErrorKind::Failed, text).with_source(last),
        None => Error::of(ErrorKind::InvalidInput, "the race has no components: give it at least one"),
    }
}

impl<I, C> Racers<I> for Vec<C>
where
    I: Clone,
    C: Component<I>,
    C::Output: Send + 'static,
{
    type Output = C::Output;

    fn stages(&self) -> Vec<Stage> {
        self.iter().map(Component::stage).collect()
    }

    fn calls(&self, input: I) -> Vec<Call<'static, Self::Output>> {
        self.iter().map(|racer| racer.call(input.clone())).collect()
    }
}

macro_rules! racers {
    ($($component:ident $at:tt),*) => {
        impl<I, O, $($component),*> Racers<I> for ($($component,)*)
        where
            I: Clone,
            O: Send + 'static,
            $($component: Component<I, Output = O>,)*
        {
            type Output = O;

            fn stages(&self) -> Vec<Stage> {
                vec![$(self.$at.stage()),*]
            }

            fn calls(&self, input: I) -> Vec<Call<'static, O>> {
                vec![$(self.$at.call(input.clone())),*]
            }
        }
    };
}

racers!(A 0, B 1);
racers!(A 0, B 1, C 2);
racers!(A 0, B 1, C 2, D 3);
racers!(A 0, B 1, C 2, D 3, E 4);
racers!(A 0, B 1, C 2, D 3, E 4, F 5);
