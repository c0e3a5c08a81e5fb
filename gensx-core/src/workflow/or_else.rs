use std::sync::Arc;

use super::{Calls, Last, Options, Stage, StageKind, TakesOptions, Workflow};
use crate::Component;

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// When the last stage fails, gives its input to `component` instead. Failing over is seen on the stream as the one
    /// call's failure and the other call.
    ///
    /// Options that follow belong to `component`: `.then(a).retry(..).or_else(b).timeout(..)`. If it fails as well, its error
    /// is the stage's.
    #[must_use]
    pub fn or_else<C>(self, component: C) -> Workflow<I, O, Calls<S::Input>>
    where
        C: Component<S::Input, Output = O>,
        S: TakesOptions,
        S::Input: Clone,
    {
        let (first, own) = (Arc::clone(&self.last), self.options.clone());
        let other = component.stage();
        let step = move |input: S::Input, options: &Options| {
            let attempt = first(input.clone(), &own);
            let (component, options) = (component.clone(), options.clone());
            Box::pin(async move {
                match attempt.await {
                    Err(error) if !error.is_control() => options.apply(component.call(input)).await,
                    settled => settled,
                }
            }) as _
        };
        self.replace(|stage| Stage::group(StageKind::OrElse, "or else", vec![stage, other]), Arc::new(step))
    }
}
