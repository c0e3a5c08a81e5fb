//! The sinks that these tests run on.

use std::{any::Any, path::Path, sync::Arc};

use gensx::EventSink;
use gensx_test_servers::RedisServer;

/// A sink that several processes can have open.
#[derive(Clone, Copy)]
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    /// Makes a fresh one: its URL, and what must live as long as it is used.
    make: fn(&Path) -> (String, Kept),
}

type Kept = Box<dyn Any + Send + Sync>;

/// One line each; every case runs on every one.
pub(crate) const BACKENDS: [Backend; 2] = [
    Backend { name: "sqlite", make: |folder| (in_file(folder), Box::new(())) },
    Backend { name: "redis", make: |_| on_server(RedisServer::start()) },
];

fn in_file(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("gensx.db").display())
}

fn on_server(server: RedisServer) -> (String, Kept) {
    (server.url(), Box::new(server))
}

/// A fresh sink, this process's handle on it, and a folder for ledgers.
#[allow(
    dead_code,
    reason = "not each test binary starts processes, which open the sink by its URL and write ledgers"
)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) folder: tempfile::TempDir,
    _kept: Kept,
}

impl Backend {
    pub(crate) async fn place(self) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let (url, kept) = (self.make)(folder.path());
        let sink = gensx::sink_from_url(&url).await.unwrap();
        Place { url, sink, folder, _kept: kept }
    }
}
