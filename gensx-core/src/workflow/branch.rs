use std::sync::Arc;

use super::{Calls, Last, Options, Stage, StageKind, Workflow};
use crate::Component;

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// Gives the output so far to `yes` if the predicate holds for it, to `no` otherwise; only that call is built.
    ///
    /// The predicate has no identity and nothing of it is recorded: it is asked again at every replay. Let it look at
    /// the value alone, so that it answers the same.
    #[must_use]
    pub fn branch<F, Y, N, P>(self, predicate: F, yes: Y, no: N) -> Workflow<I, P, Calls<O>>
    where
        F: Fn(&O) -> bool + Send + Sync + 'static,
        Y: Component<O, Output = P>,
        N: Component<O, Output = P>,
        P: Send + 'static,
    {
        let stage = Stage::of_closure::<F>(StageKind::Branch, "branch").around(vec![yes.stage(), no.stage()]);
        let step = move |input, options: &Options| {
            let call = if predicate(&input) { yes.call(input) } else { no.call(input) };
            Box::pin(options.apply_unnamed(call)) as _
        };
        self.push(stage, Arc::new(step))
    }
}
