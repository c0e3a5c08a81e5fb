use std::time::Duration;

use super::{BoxError, Error, ErrorKind};

/// What should become of a failure. Said where the error is made; unsaid, it may be retried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It may be retried, after the policy's delay.
    Retry,
    /// It may be retried, not sooner than this.
    RetryAfter(Duration),
    /// Retrying cannot help.
    Permanent,
}

/// Marks an error as permanent: it is not retried.
///
/// ```
/// async fn fetch(status: u16) -> Result<(), gensx_core::Error> {
///     if status == 404 {
///         return Err(gensx_core::permanent("no such page"));
///     }
///     Ok(())
/// }
/// ```
pub fn permanent(source: impl Into<BoxError>) -> Error {
    Error::of(ErrorKind::Failed, "permanent failure").with_fate(Fate::Permanent).with_source(source)
}

/// Marks an error as one to be retried, not sooner than `wait` from now; at most
/// [`MAX_RETRY_AFTER`](crate::MAX_RETRY_AFTER) counts.
///
/// ```
/// use std::time::Duration;
///
/// let error = gensx_core::retry_after(Duration::from_secs(2), "429 Too Many Requests");
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
/// ```
pub fn retry_after(wait: Duration, source: impl Into<BoxError>) -> Error {
    Error::of(ErrorKind::Failed, "asked to come back later")
        .with_fate(Fate::RetryAfter(wait))
        .with_source(source)
}

/// Says an error's fate in the middle of a `?` chain.
///
/// ```
/// use gensx_core::ResultExt as _;
/// fn parse(text: &str) -> Result<u32, gensx_core::Error> {
///     text.parse::<u32>().permanent()
/// }
/// assert!(parse("x").is_err());
/// ```
pub trait ResultExt<T>: Sized {
    /// Marks the error as permanent.
    ///
    /// # Errors
    /// The same failure, marked.
    fn permanent(self) -> Result<T, Error>;

    /// Marks the error as one to be retried, not sooner than `wait`.
    ///
    /// # Errors
    /// The same failure, marked.
    fn retry_after(self, wait: Duration) -> Result<T, Error>;

    /// Names the error by a stable word of the application.
    ///
    /// # Errors
    /// The same failure, named.
    fn code(self, code: &'static str) -> Result<T, Error>;
}

impl<T, E: Into<BoxError>> ResultExt<T> for Result<T, E> {
    fn permanent(self) -> Result<T, Error> {
        self.map_err(permanent)
    }

    fn retry_after(self, wait: Duration) -> Result<T, Error> {
        self.map_err(|error| retry_after(wait, error))
    }

    fn code(self, code: &'static str) -> Result<T, Error> {
        self.map_err(|error| Error::new(error).with_code(code))
    }
}
