use std::{num::NonZeroUsize, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{Each, Last, Options, Stage, StageKind, Workflow};
use crate::{Component, Result};

/// How many items of a [`for_each`](Workflow::for_each) are in work at once, unless
/// [`concurrency`](Workflow::concurrency) says otherwise.
pub const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(16).unwrap();

impl<I: Send + 'static, T: Send + 'static, S: Last> Workflow<I, Vec<T>, S> {
    /// Gives each item of the list so far to `component`, [`DEFAULT_CONCURRENCY`] at once, and collects the outputs in the order
    /// of the items. The first failure cancels what is in work and fails the stage.
    ///
    /// Calls are built in the list's order, each when there is room for it: a list of any length holds
    /// no more calls than may be in work, and what finishes first changes no identity.
    #[must_use]
    pub fn for_each<C, P>(self, component: C) -> Workflow<I, Vec<P>, Each<Vec<T>>>
    where
        C: Component<T, Output = P>,
        P: Send + 'static,
    {
        let stage = Stage::group(StageKind::ForEach, "for each", vec![component.stage()]);
        let step =
            move |items, options: &Options| Box::pin(each(items, component.clone(), options.clone())) as _;
        self.push(stage, Arc::new(step))
    }
}

impl<I, P, T> Workflow<I, Vec<P>, Each<Vec<T>>>
where
    I: Send + 'static,
    P: Send + 'static,
    T: Send + 'static,
{
    /// How many items are in work at once; 0 is taken as 1.
    #[must_use]
    pub fn concurrency(mut self, items: usize) -> Self {
        self.options.concurrency = Some(NonZeroUsize::new(items).unwrap_or(NonZeroUsize::MIN));
        self
    }
}

async fn each<T, C>(items: Vec<T>, component: C, options: Options) -> Result<Vec<C::Output>>
where
    T: Send,
    C: Component<T>,
    C::Output: Send + 'static,
{
    let room = options.concurrency.unwrap_or(DEFAULT_CONCURRENCY).get();
    let mut outputs: Vec<Option<C::Output>> = items.iter().map(|_| None).collect();
    let mut items = items.into_iter().enumerate();
    let mut build = || {
        let (at, item) = items.next()?;
        let call = options.apply(component.call(item));
        Some(async move { (at, call.await) })
    };
    let mut working: FuturesUnordered<_> = std::iter::from_fn(&mut build).take(room).collect();
    while let Some((at, result)) = working.next().await {
        outputs[at] = Some(result?);
        working.extend(build());
    }
    Ok(outputs.into_iter().flatten().collect())
}
