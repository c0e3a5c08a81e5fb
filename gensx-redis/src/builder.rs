use std::{sync::Arc, time::Duration};

use gensx_core::SinkError;

use crate::{
    RedisSink,
    address::{self, Address},
    checks,
    connect::Server,
    error::Failure,
    keys::Keys,
    link::Link,
    store::Store,
    thread,
    tls::Tls,
};

/// The prefix of every key, unless it is set.
const PREFIX: &str = "gensx";
/// How long a request may take, unless it is set.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest prefix, in bytes: it is in every key.
const MAX_PREFIX_BYTES: usize = 64;

/// What is done about a server whose settings put runs at risk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Checks {
    /// A warning in the log says what is wrong and what it risks. The default.
    #[default]
    Warn,
    /// The sink does not open.
    Strict,
}

/// Options of a [`RedisSink`].
///
/// ```no_run
/// # async fn example() -> Result<(), gensx_core::SinkError> {
/// use std::time::Duration;
///
/// use gensx_redis::{Checks, RedisSink};
///
/// let sink = RedisSink::builder("redis+cluster://10.0.0.1:6379,10.0.0.2:6379")
///     .prefix("shop")
///     .retention(Duration::from_secs(7 * 24 * 3600))
///     .checks(Checks::Strict)
///     .connect()
///     .await?;
/// # drop(sink);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is connected until `connect` is awaited"]
pub struct RedisSinkBuilder {
    url: String,
    prefix: Option<String>,
    retention: Option<Duration>,
    request_timeout: Duration,
    checks: Checks,
    tls: Tls,
}

impl std::fmt::Debug for RedisSinkBuilder {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSinkBuilder")
            .field("prefix", &self.prefix)
            .field("retention", &self.retention)
            .field("request_timeout", &self.request_timeout)
            .field("checks", &self.checks)
            .finish_non_exhaustive()
    }
}

impl RedisSinkBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            prefix: None,
            retention: None,
            request_timeout: REQUEST_TIMEOUT,
            checks: Checks::default(),
            tls: Tls::default(),
        }
    }

    /// The beginning of every key and channel, so that several applications can share a server. `gensx` unless it is set
    /// here or in the address (`?prefix=NAME`). 1 to 64 of `A-Z a-z 0-9 . _ - :`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// How long after its end a run is kept. For ever unless it is set; runs that have not ended always are. Give it some
    /// minutes at least: an owner whose last append was not answered asks again, and must find the run.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// How long a request may take, with reconnecting, before it fails as
    /// [`Unavailable`](gensx_core::SinkErrorKind::Unavailable). 5 seconds unless it is set.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// What is done about settings that put runs at risk. [`Checks::Warn`] unless it is set.
    pub fn checks(mut self, checks: Checks) -> Self {
        self.checks = checks;
        self
    }

    /// The certificates, in PEM, of the authorities that sign the servers' certificates, instead of the public ones. For
    /// addresses with TLS (`rediss://` and its like); the sentinels of an address are to be signed by them, too.
    #[cfg(feature = "tls")]
    pub fn tls_root(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.root = Some(pem.into());
        self
    }

    /// The certificate that servers know this client by, and its key, both in PEM. For servers that demand one
    /// (`tls-auth-clients`).
    #[cfg(feature = "tls")]
    pub fn tls_client(mut self, certificate_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        self.tls.client = Some((certificate_pem.into(), key_pem.into()));
        self
    }

    /// Connects, and checks that the server is one that gensx can work with.
    ///
    /// # Errors
    /// - [`SinkErrorKind::Config`](gensx_core::SinkErrorKind::Config): the address or an option is not usable, the server is
    ///   too old, a replica, or a node of a cluster that the address does not name as one, it refuses the password, or its
    ///   user lacks a right; with [`Checks::Strict`], also settings that put runs at risk.
    /// - [`SinkErrorKind::Unavailable`](gensx_core::SinkErrorKind::Unavailable): nothing answers there, or it is still
    ///   loading its data.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind but keys of a probe, which expire within a minute.
    pub async fn connect(self) -> Result<RedisSink, SinkError> {
        let Address { place, prefix, shown } =
            address::parse(&self.url).map_err(|failure| failure.of_sink("redis"))?;
        let prefix = self.prefix.or(prefix).unwrap_or_else(|| PREFIX.to_owned());
        let (retention, limit, strictness) = (self.retention, self.request_timeout, self.checks);
        let (name, tls) = (shown.clone(), self.tls);
        let opened = thread::run(async move {
            check_prefix(&prefix)?;
            let link = Link::new(Server::new(place, tls)?, limit);
            link.open().await?;
            let retention_ms =
                retention.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1));
            let store = Arc::new(Store::new(Keys::new(&prefix), link, retention_ms));
            checks::run(&store, strictness, &name).await?;
            Ok(store)
        });
        let store = opened.await.map_err(|failure| failure.of_sink(&shown))?;
        RedisSink::start(store, shown)
    }
}

fn check_prefix(prefix: &str) -> Result<(), Failure> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':');
    if prefix.is_empty() || prefix.len() > MAX_PREFIX_BYTES || !prefix.bytes().all(allowed) {
        let text = format!("the prefix {prefix:?} is not usable: give 1 to 64 of `A-Z a-z 0-9 . _ - :`");
        return Err(Failure::config(text));
    }
    Ok(())
}
