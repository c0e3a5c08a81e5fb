use std::sync::Arc;

use super::Workflow;
use crate::Component;

impl<I, O> Workflow<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
{
    /// Gives the output so far to `component`.
    #[must_use]
    pub fn then<C, P>(self, component: C) -> Workflow<I, P>
    where
        C: Component<O, Output = P>,
        P: Send + 'static,
    {
        let Self { spec, mut stages, make } = self;
        stages.push(component.stage());
        let make = move |input| {
            let (before, component) = (make(input), component.clone());
            Box::pin(async move { component.call(before.await?).await }) as _
        };
        Workflow { spec, stages, make: Arc::new(make) }
    }
}
