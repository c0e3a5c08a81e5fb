//! What a stage gives to the calls that it builds.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use super::{Last, Named, TakesOptions, Workflow};
use crate::{Call, RetryPolicy};

/// A stage's options.
#[derive(Clone, Debug, Default)]
pub struct Options {
    label: Option<Arc<str>>,
    retry: Option<RetryPolicy>,
    timeout: Option<Duration>,
    pub(super) concurrency: Option<NonZeroUsize>,
}

impl Options {
    /// Gives them to the only call of a stage, or to one of many that are alike.
    pub(super) fn apply<T>(&self, call: Call<'static, T>) -> Call<'static, T> {
        let call = self.apply_unnamed(call);
        match &self.label {
            Some(label) => call.default_label(label),
            None => call,
        }
    }

    /// Gives them to one call of a group: the label is the group's.
    pub(super) fn apply_unnamed<T>(&self, mut call: Call<'static, T>) -> Call<'static, T> {
        if let Some(policy) = self.retry {
            call = call.retry(policy);
        }
        if let Some(timeout) = self.timeout {
            call = call.timeout(timeout);
        }
        call
    }
}

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// The retry policy of each call that the last stage builds.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self
    where
        S: TakesOptions,
    {
        self.options.retry = Some(policy);
        self
    }

    /// The timeout of each attempt of each call that the last stage builds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self
    where
        S: TakesOptions,
    {
        self.options.timeout = Some(timeout);
        self
    }

    /// A label for the last stage, in plans and pages; it changes no identity.
    ///
    /// The calls of a stage with one component get it, unless they have a label of their own. In a group (`join`, `branch`,
    /// `race`) it is the group's, and the calls keep their components' names.
    #[must_use]
    pub fn named(mut self, label: impl Into<String>) -> Self
    where
        S: Named,
    {
        let label = label.into();
        self.options.label = Some(label.as_str().into());
        if let Some(stage) = self.stages.last_mut() {
            stage.label = Some(label);
        }
        self
    }
}
