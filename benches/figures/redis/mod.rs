//! What the stream on Redis costs, against a plain client of the same server.

mod bulk;
mod chain;
mod fleet;
mod memory;
mod plain;
mod readers;
mod resume;
mod text;

use std::sync::Arc;

use gensx::{EventSink, RedisSink};
use gensx_test_servers::RedisServer;

pub use self::plain::Plain;
pub use self::{
    bulk::bulk, chain::strict, fleet::fleet, memory::memory, readers::readers, resume::resume, text::text,
};

/// A server, the sink on it, and a plain client of it.
struct Bench {
    server: RedisServer,
    sink: Arc<dyn EventSink>,
    plain: plain::Plain,
}

impl Bench {
    async fn start() -> Self {
        let server = RedisServer::start();
        let sink = sink(&server).await;
        let plain = plain::Plain::open(&server).await;
        Self { server, sink, plain }
    }
}

/// A sink of its own, as another process has it.
async fn sink(server: &RedisServer) -> Arc<dyn EventSink> {
    Arc::new(RedisSink::connect(&server.url()).await.unwrap())
}
