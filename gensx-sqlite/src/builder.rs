use std::{path::PathBuf, sync::Arc, time::Duration};

use gensx_core::{SinkError, SinkErrorKind};

use crate::{SqliteSink, error::Failure};

/// How long an append waits for another process's write, unless it is set.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What an acknowledged append survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Synchronous {
    /// The end of the process in any way, `kill -9` included. A power failure may take the last appends with it; what
    /// is left is whole. The default, about ten times faster than [`Full`](Self::Full).
    #[default]
    Normal,
    /// A power failure, too: each commit waits for the disk.
    Full,
}

/// Options of a [`SqliteSink`].
///
/// ```
/// # let runtime = tokio::runtime::Runtime::new().unwrap();
/// # runtime.block_on(async {
/// use std::time::Duration;
///
/// use gensx_sqlite::{SqliteSink, Synchronous};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("gensx.db");
/// let sink = SqliteSink::builder(&file)
///     .synchronous(Synchronous::Full)
///     .busy_timeout(Duration::from_secs(10))
///     .retention(Duration::from_secs(7 * 24 * 3600))
///     .open()
///     .await?;
/// # drop(sink);
/// # Ok::<(), gensx_core::SinkError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until `open` is awaited"]
pub struct SqliteSinkBuilder {
    path: PathBuf,
    synchronous: Synchronous,
    busy_timeout: Duration,
    retention: Option<Duration>,
    max_bytes: Option<u64>,
}

/// The options, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Absolute: connections are opened later, too, and the process may change its directory.
    pub(crate) path: PathBuf,
    /// What messages call the sink: the path as it was given.
    pub(crate) name: String,
    pub(crate) synchronous: Synchronous,
    pub(crate) busy_timeout: Duration,
    pub(crate) retention: Option<Duration>,
    pub(crate) max_bytes: Option<u64>,
}

impl SqliteSinkBuilder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            synchronous: Synchronous::default(),
            busy_timeout: BUSY_TIMEOUT,
            retention: None,
            max_bytes: None,
        }
    }

    /// What an acknowledged append survives. [`Synchronous::Normal`] unless it is set.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How long a call waits while another process writes, before it fails as
    /// [`Unavailable`](SinkErrorKind::Unavailable). 5 seconds unless it is set.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long after its end a run is kept that does not [say so itself](gensx_core::Start::keep_for). For ever unless it is
    /// set; runs that have not ended always are.
    ///
    /// Expired runs are removed in small steps by whichever process has the file open with this option: a run goes
    /// some time after it expires, at most about a minute while a sink is open.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// The size in bytes that this sink lets the file grow to, rounded down to whole pages. Without a bound unless it
    /// is set. An append or an enqueue that finds no room fails as [`Unavailable`](SinkErrorKind::Unavailable); room comes
    /// from deleted and expired runs, and from runs that leave the queue. The write-ahead log beside the file is not counted.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Opens the file, and makes it first if there is none.
    ///
    /// # Errors
    /// - [`SinkErrorKind::Config`]: the path is not usable, or the file is not gensx's, or is a newer version's.
    ///   Such a file is left as it is.
    /// - [`SinkErrorKind::Corrupt`]: the file is damaged.
    /// - [`SinkErrorKind::Unavailable`]: it is locked for longer than the busy timeout, or the disk fails.
    ///
    /// # Cancel safety
    /// Dropping the future may leave a new, empty database behind, and nothing else.
    pub async fn open(self) -> Result<SqliteSink, SinkError> {
        let name = format!("sqlite:{}", self.path.display());
        match self.settings(&name) {
            Ok(settings) => SqliteSink::start(Arc::new(settings)).await,
            Err(failure) => Err(failure.of_sink(&name)),
        }
    }

    fn settings(self, name: &str) -> Result<Settings, Failure> {
        let config = |text| Failure::new(SinkErrorKind::Config, text);
        // Both are names of databases in memory: each connection would have one of its own.
        if self.path.as_os_str().is_empty() || self.path.as_os_str() == ":memory:" {
            return Err(config("a file is needed: give a path, or use the sink in memory".to_owned()));
        }
        let path = std::path::absolute(&self.path).map_err(|error| {
            config(format!("the path cannot be made absolute ({error}): give an absolute one"))
        })?;
        Ok(Settings {
            path,
            name: name.to_owned(),
            synchronous: self.synchronous,
            busy_timeout: self.busy_timeout,
            retention: self.retention,
            max_bytes: self.max_bytes,
        })
    }
}
