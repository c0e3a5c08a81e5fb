use std::sync::Arc;

use super::{Calls, Last, Options, Stage, StageKind, Workflow};
use crate::{Component, Result, clock::BoxFuture};

/// Two to six components that take the same input, as a tuple: see [`Workflow::join`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tuple of components that take `{I}`",
    label = "not two to six components with this input",
    note = "write `.join((a, b))`: each component gets a clone of the output so far"
)]
pub trait Branches<I>: Send + Sync + 'static {
    /// The outputs, as a tuple in the same order.
    type Outputs: Send + 'static;

    #[doc(hidden)]
    fn stages(&self) -> Vec<Stage>;

    /// Builds all calls, in order; what it gives polls them.
    #[doc(hidden)]
    fn calls(&self, input: I, options: &Options) -> BoxFuture<Result<Self::Outputs>>;
}

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// Gives a clone of the output so far to each component of a tuple, all at once, and collects their outputs as a
    /// tuple. The first failure cancels the others and fails the stage.
    #[must_use]
    pub fn join<B>(self, branches: B) -> Workflow<I, B::Outputs, Calls<O>>
    where
        B: Branches<O>,
    {
        let stage = Stage::group(StageKind::Join, "join", branches.stages());
        self.push(stage, Arc::new(move |input, options| branches.calls(input, options)))
    }
}

macro_rules! branches {
    ($($component:ident $output:ident $at:tt),*) => {
        impl<I, $($component, $output),*> Branches<I> for ($($component,)*)
        where
            I: Clone,
            $($component: Component<I, Output = $output>, $output: Send + 'static,)*
        {
            type Outputs = ($($output,)*);

            fn stages(&self) -> Vec<Stage> {
                vec![$(self.$at.stage()),*]
            }

            fn calls(&self, input: I, options: &Options) -> BoxFuture<Result<Self::Outputs>> {
                let calls = ($(options.apply_unnamed(self.$at.call(input.clone())),)*);
                Box::pin(async move { tokio::try_join!(biased; $(calls.$at),*) })
            }
        }
    };
}

branches!(A P 0, B Q 1);
branches!(A P 0, B Q 1, C R 2);
branches!(A P 0, B Q 1, C R 2, D S 3);
branches!(A P 0, B Q 1, C R 2, D S 3, E T 4);
branches!(A P 0, B Q 1, C R 2, D S 3, E T 4, F U 5);
