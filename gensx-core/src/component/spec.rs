use std::{borrow::Cow, ops::Deref, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Error, RetryPolicy};

/// When an outcome is given to its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// When the sink holds it.
    #[default]
    Strict,
    /// At once; it is committed behind the caller, in order. The next strict call waits for it before it starts.
    Pipelined,
}

/// What becomes of a recorded call whose `.key(..)` is the same and whose inputs are not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeyChange {
    /// It runs again; the last outcome wins.
    #[default]
    Rerun,
    /// The recorded outcome is kept.
    Keep,
    /// The call fails with [`ErrorKind::Key`](crate::ErrorKind::Key).
    Fail,
}

/// A component's options, as `#[component]` writes them.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(crate) name: Cow<'static, str>,
    pub(crate) path: &'static str,
    pub(crate) version: u32,
    pub(crate) retry: RetryPolicy,
    pub(crate) when: Option<fn(&Error) -> bool>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) cache_ttl: Option<Duration>,
    pub(crate) durability: Option<Durability>,
}

impl Spec {
    /// A component with one attempt, no timeout and no cache.
    #[must_use]
    pub fn new(name: &'static str, path: &'static str) -> Self {
        Self::named(name.into(), path)
    }

    pub(crate) fn named(name: Cow<'static, str>, path: &'static str) -> Self {
        let retry = RetryPolicy::new(1);
        Self { name, path, version: 0, retry, when: None, timeout: None, cache_ttl: None, durability: None }
    }

    /// Sets the version: see rule 4 of the guide.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets the retry policy.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the predicate that decides whether a failure is retried.
    #[must_use]
    pub fn retry_when(mut self, when: fn(&Error) -> bool) -> Self {
        self.when = Some(when);
        self
    }

    /// Sets the longest time of one attempt.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Turns the cache on.
    #[must_use]
    pub fn cache(mut self, ttl: Duration) -> Self {
        self.cache_ttl = Some(ttl);
        self
    }

    /// Sets the durability; the runtime's otherwise.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}

/// A spec of a function, or one that a workflow made.
#[derive(Clone, Debug)]
pub(crate) enum SpecRef {
    Static(&'static Spec),
    Shared(Arc<Spec>),
}

impl Deref for SpecRef {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        match self {
            Self::Static(spec) => spec,
            Self::Shared(spec) => spec,
        }
    }
}
