//! The baselines: what a program does that uses the `redis` crate, and neither script nor order.

use gensx::sink::{MAX_PAGE, Payload};
use gensx_test_servers::RedisServer;
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection, cmd, pipe};

/// Commands of one pipeline. More at once is no faster here.
const PIPELINE: usize = 100;

pub struct Plain(MultiplexedConnection);

impl Plain {
    pub async fn open(server: &RedisServer) -> Self {
        let client = redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        Self(client.get_multiplexed_async_connection_with_config(&config).await.unwrap())
    }

    /// Adds one entry, and waits for its id.
    pub(super) async fn add(&self, key: &str, payload: &[u8]) {
        let mut connection = self.0.clone();
        let _id: String =
            cmd("XADD").arg(key).arg("*").arg("e").arg(payload).query_async(&mut connection).await.unwrap();
    }

    /// Adds entries to streams, many at once.
    pub(super) async fn add_all(&self, entries: &[(String, Payload)]) {
        let mut connection = self.0.clone();
        for part in entries.chunks(PIPELINE) {
            let mut pipeline = pipe();
            for (key, payload) in part {
                pipeline.cmd("XADD").arg(key).arg("*").arg("e").arg(&payload[..]).ignore();
            }
            pipeline.exec_async(&mut connection).await.unwrap();
        }
    }

    /// Reads a stream in pages, and gives the bytes of its events.
    pub async fn read(&self, key: &str) -> usize {
        let mut connection = self.0.clone();
        let (mut from, mut bytes) = ("-".to_owned(), 0);
        loop {
            let page: Vec<(String, Vec<Vec<u8>>)> = cmd("XRANGE")
                .arg(key)
                .arg(&from)
                .arg("+")
                .arg("COUNT")
                .arg(MAX_PAGE)
                .query_async(&mut connection)
                .await
                .unwrap();
            let Some((last, _)) = page.last() else { return bytes };
            from = format!("({last}");
            // The first field is the event.
            bytes += page.iter().map(|(_, fields)| fields[1].len()).sum::<usize>();
        }
    }

    /// What the server's data takes.
    pub(super) async fn used_bytes(&self) -> u64 {
        let mut connection = self.0.clone();
        let info: String = cmd("INFO").arg("memory").query_async(&mut connection).await.unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        line.trim().parse().unwrap()
    }
}
