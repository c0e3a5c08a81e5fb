use std::{env, sync::Arc};

use gensx_core::{Backend, Error, EventSink, Result, Runtime, SinkError, SinkErrorKind};

/// The environment variable that names the sink.
pub const SINK_VARIABLE: &str = "GENSX_SINK";

/// Redis on this machine, at its usual port.
const UNSET: &str = "redis://127.0.0.1:6379";

/// The sink that `GENSX_SINK` names: `redis://HOST:PORT`, `redis+sentinel://HOST:PORT,.../MASTER`,
/// `redis+cluster://HOST:PORT,...`, `sqlite:FILE` or `memory`. Unset, it means Redis on this machine, at port 6379.
/// It never falls back to another sink: runs would then be in two places.
///
/// Cancel safe: dropped while a file is opened, it may leave a new, empty one behind.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a form that is none of these and a backend that this build is without;
/// a sink that does not open gives its own error.
pub async fn sink_from_env() -> Result<Arc<dyn EventSink>> {
    Ok(Arc::clone(backend_from_env().await?.sink()))
}

/// The sink that a text of the forms of [`sink_from_env`] names. Cancel safe, as that is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> gensx::Result<()> {
/// use gensx::Runtime;
///
/// let runtime = Runtime::builder().shared_sink(gensx::sink_from_url("memory").await?).build();
/// assert!(gensx::sink_from_url("floppy:a").await.is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`sink_from_env`].
pub async fn sink_from_url(url: &str) -> Result<Arc<dyn EventSink>> {
    Ok(Arc::clone(backend_from_url(url).await?.sink()))
}

/// The backend of a fleet that `GENSX_SINK` names, by the forms of [`sink_from_env`]: the sink, and the queue in the same
/// store.
///
/// Cancel safe, as [`sink_from_env`] is.
///
/// # Errors
/// As [`sink_from_env`].
pub async fn backend_from_env() -> Result<Backend> {
    match env::var(SINK_VARIABLE) {
        Ok(url) => backend_from_url(&url).await,
        Err(env::VarError::NotPresent) => redis(UNSET).await.map_err(unset),
        Err(env::VarError::NotUnicode(_)) => Err(wrong("is not UTF-8").into()),
    }
}

/// The backend that a text of the forms of [`sink_from_env`] names. Cancel safe, as that is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> gensx::Result<()> {
/// // For a fleet of one process: others have a memory of their own.
/// let client = gensx::Client::new(gensx::backend_from_url("memory").await?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`sink_from_env`].
pub async fn backend_from_url(url: &str) -> Result<Backend> {
    match url.split_once(':') {
        None if url == "memory" => Ok(Backend::in_memory()),
        Some(("sqlite", file)) if !file.is_empty() => sqlite(file).await,
        Some((scheme, _)) if scheme.starts_with("redis") || scheme.starts_with("valkey") => redis(url).await,
        _ => Err(wrong("is of none of these forms").into()),
    }
}

fn unset(error: Error) -> Error {
    wrong("is not set, which means Redis on this machine, and that does not open").with_source(error).into()
}

#[cfg(feature = "redis")]
async fn redis(url: &str) -> Result<Backend> {
    Ok(gensx_redis::backend(url).await?)
}

#[cfg(not(feature = "redis"))]
async fn redis(_url: &str) -> Result<Backend> {
    Err(wrong("means Redis, and this build is without the feature `redis`").into())
}

#[cfg(feature = "sqlite")]
async fn sqlite(file: &str) -> Result<Backend> {
    Ok(gensx_sqlite::backend(file).await?)
}

#[cfg(not(feature = "sqlite"))]
async fn sqlite(_file: &str) -> Result<Backend> {
    Err(wrong("names a file, and this build is without the feature `sqlite`").into())
}

fn wrong(reason: &str) -> SinkError {
    let forms = "`redis://HOST:PORT`, `sqlite:FILE` (embedded, needs no server) or `memory`";
    SinkError::new(
        SinkErrorKind::Config,
        SINK_VARIABLE,
        format!("{SINK_VARIABLE} {reason}: set it to {forms}"),
    )
}

/// Runtimes by the environment; in the [prelude](crate::prelude), so that `Runtime::from_env().await` reads as it
/// should.
///
/// ```no_run
/// use gensx::prelude::*;
///
/// # async fn example() -> gensx::Result<()> {
/// let runtime = Runtime::from_env().await?;
/// # Ok(())
/// # }
/// ```
pub trait RuntimeFromEnv: Sized {
    /// A runtime over the sink that [`sink_from_env`] gives.
    ///
    /// # Errors
    /// As [`sink_from_env`].
    fn from_env() -> impl Future<Output = Result<Self>> + Send;
}

impl RuntimeFromEnv for Runtime {
    async fn from_env() -> Result<Self> {
        Ok(Self::builder().shared_sink(sink_from_env().await?).build())
    }
}
