//! Settings that put runs at risk are warnings in the log unless checks are strict. A process of its own: who listens to the
//! log does so for all of it.

use std::sync::{Arc, Mutex};

use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// The warnings of this crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            *self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().starts_with("gensx_redis")
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut message = String::new();
        event.record(&mut Message(&mut message));
        self.0.lock().unwrap().push(message);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn settings_that_put_runs_at_risk_are_warned_of_and_no_others() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let said = || std::mem::take(&mut *log.0.lock().unwrap());
    let server = RedisServer::builder().option("maxmemory-policy", "allkeys-lru").start();
    RedisSink::connect(&server.url()).await.unwrap();
    let warnings = said();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for words in ["Redis removes runs that are under way; set `noeviction`", "set `appendonly yes`"] {
        assert!(warnings.iter().any(|warning| warning.contains(words)), "{words}: {warnings:?}");
    }
    server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.command(&["CONFIG", "SET", "appendonly", "yes"]);
    RedisSink::connect(&server.url()).await.unwrap();
    assert_eq!(said(), [""; 0]);
}
