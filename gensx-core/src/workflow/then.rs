use std::sync::Arc;

use super::{Calls, Last, Step, Workflow};
use crate::Component;

pub(super) fn step<C, M, O>(component: C) -> Step<M, O>
where
    C: Component<M, Output = O>,
    M: Send + 'static,
    O: Send + 'static,
{
    Arc::new(move |input, options| Box::pin(options.apply(component.call(input))))
}

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// Gives the output so far to `component`.
    #[must_use]
    pub fn then<C, P>(self, component: C) -> Workflow<I, P, Calls<O>>
    where
        C: Component<O, Output = P>,
        P: Send + 'static,
    {
        self.push(component.stage(), step(component))
    }
}
