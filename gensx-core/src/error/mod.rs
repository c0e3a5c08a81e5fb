//! The one error that callers of components and runs see.

mod chain;
mod fate;
mod kind;
mod record;

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

pub use chain::Classifiers;
pub(crate) use chain::classify;
pub use fate::{Fate, ResultExt, permanent, retry_after};
pub use kind::ErrorKind;
pub(crate) use record::ErrorRecord;

/// A boxed error, as user code returns it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of a component, a workflow or a run.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error says that has nothing to add to its source.
const FAILED: &str = "failed";

/// What went wrong, where, and after how many attempts.
///
/// `Display` prints this level only; [`source`](StdError::source) leads to the cause, and `{:#}` prints the
/// whole chain on one line. A replayed error has the same [`kind`](Self::kind), [`code`](Self::code),
/// [`component`](Self::component) and [`attempts`](Self::attempts) as the one that was seen live; branch on those.
///
/// ```
/// use gensx_core::{Error, ErrorKind};
/// let error = Error::new(std::io::Error::other("no answer")).with_code("offline");
/// assert_eq!(error.kind(), ErrorKind::Failed);
/// assert_eq!(error.code(), Some("offline"));
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    code: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    component: Option<Arc<str>>,
    attempts: u32,
    fate: Option<Fate>,
    source: Option<Source>,
}

/// A cause. One from `anyhow` is kept as it came, since boxing it would hide its type from the chain.
#[derive(Clone)]
enum Source {
    Boxed(Arc<dyn StdError + Send + Sync>),
    #[cfg(feature = "anyhow")]
    Anyhow(Arc<anyhow::Error>),
}

impl Error {
    /// Wraps any error, to be returned from a component.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self::of(ErrorKind::Failed, FAILED).with_source(source)
    }

    /// An error that is only a message.
    pub fn msg(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of(ErrorKind::Failed, message)
    }

    pub(crate) fn of(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let inner = Inner {
            kind,
            code: None,
            message: message.into(),
            component: None,
            attempts: 0,
            fate: None,
            source: None,
        };
        Self(Box::new(inner))
    }

    /// Names the failure by a stable word of the application, which [`code`](Self::code) gives back, live and replayed.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Says whether the failure may be retried.
    #[must_use]
    pub fn with_fate(mut self, fate: Fate) -> Self {
        self.0.fate = Some(fate);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(Source::Boxed(Arc::from(source.into())));
        self
    }

    /// What a component's body returned, as this type.
    pub(crate) fn from_user<E: Into<BoxError> + 'static>(error: E) -> Self {
        let mut slot = Some(error);
        let any: &mut dyn std::any::Any = &mut slot;
        if let Some(own) = any.downcast_mut::<Option<Self>>().and_then(Option::take) {
            return own;
        }
        #[cfg(feature = "anyhow")]
        if let Some(error) = any.downcast_mut::<Option<anyhow::Error>>().and_then(Option::take) {
            let mut wrapped = Self::of(ErrorKind::Failed, FAILED);
            wrapped.0.source = Some(Source::Anyhow(Arc::new(error)));
            return wrapped;
        }
        slot.map_or_else(|| Self::msg(FAILED), Self::new)
    }

    /// The failure of the component at `path`: an error of its own body in place, one from below as the source.
    pub(crate) fn in_component(self, path: &Arc<str>, attempts: u32) -> Self {
        if self.0.component.is_none() {
            return self.at(Arc::clone(path), attempts);
        }
        Self::of(ErrorKind::Failed, FAILED).with_source(self).at(Arc::clone(path), attempts)
    }

    pub(crate) fn at(mut self, component: Arc<str>, attempts: u32) -> Self {
        self.0.component = Some(component);
        self.0.attempts = attempts;
        self
    }

    /// How it failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The application's own word for the failure: the first one in the chain.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref().or_else(|| self.below().find_map(|error| error.0.code.as_deref()))
    }

    /// The path of the component that failed, outermost first, such as `blog/write_section`.
    #[must_use]
    pub fn component(&self) -> Option<&str> {
        self.0.component.as_deref()
    }

    /// How many attempts were made; 0 where nothing was attempted.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// What was said about retrying where the error was made: the first word in the chain.
    #[must_use]
    pub fn fate(&self) -> Option<Fate> {
        self.0.fate.or_else(|| self.below().find_map(|error| error.0.fate))
    }

    /// How long the failing side asked to wait before the next attempt.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.fate() {
            Some(Fate::RetryAfter(wait)) => Some(wait),
            _ => None,
        }
    }

    /// The first error of type `E` in the chain.
    ///
    /// An error type that is `Serialize + DeserializeOwned` is found in replayed errors, too; other types are only
    /// text after a replay.
    #[must_use]
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        chain::chain(self).find_map(|error| error.downcast_ref::<E>())
    }

    /// Whether the call was not carried out to an outcome, because its parent or its run ends: no error of a component, so
    /// that no boundary may answer for it. A component that failed for another run's end has its own path.
    pub(crate) fn is_control(&self) -> bool {
        self.0.component.is_none() && self.0.kind == ErrorKind::Cancelled
    }

    fn below(&self) -> impl Iterator<Item = &Error> {
        chain::chain(self).skip(1).filter_map(|error| error.downcast_ref::<Error>())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.component {
            Some(component) if self.0.message == FAILED => write!(f, "component `{component}` failed")?,
            Some(component) => write!(f, "component `{component}`: {}", self.0.message)?,
            None => f.write_str(&self.0.message)?,
        }
        if self.0.attempts > 1 {
            write!(f, " after {} attempts", self.0.attempts)?;
        }
        if f.alternate() {
            for cause in chain::chain(self).skip(1) {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#} ({:?})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0.source.as_ref()? {
            Source::Boxed(source) => Some(&**source),
            #[cfg(feature = "anyhow")]
            Source::Anyhow(source) => Some(source.as_ref().as_ref()),
        }
    }
}

impl From<&'static str> for Error {
    fn from(message: &'static str) -> Self {
        Self::msg(message)
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::msg(message)
    }
}

macro_rules! from_error {
    ($($source:ty),*) => {$(
        impl From<$source> for Error {
            fn from(source: $source) -> Self {
                Self::new(source)
            }
        }
    )*};
}

from_error!(
    BoxError,
    std::io::Error,
    std::fmt::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    serde_json::Error,
    tokio::task::JoinError,
    tokio::time::error::Elapsed
);

#[cfg(feature = "anyhow")]
impl From<anyhow::Error> for Error {
    fn from(source: anyhow::Error) -> Self {
        Self::from_user(source)
    }
}
