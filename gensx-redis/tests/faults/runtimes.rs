//! Applications with many runtimes, such as a server with one for each core: appends of each take a short way, and the
//! server is not flooded with connections.

use std::sync::{Arc, Barrier};

use gensx_core::{EventId, EventSink, sink::Append};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use crate::{
    events::{next, run_id, text},
    open,
};

/// More than a sink keeps connections for.
const RUNTIMES: usize = 40;
const EVENTS: u64 = 60;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn connections(server: &RedisServer) -> u64 {
    let info = server.command(&["INFO", "stats"]);
    let line = info.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn many_runtimes_of_one_sink_take_few_connections() {
    let server = RedisServer::start();
    let url = server.url();
    let sink = Arc::new(runtime().block_on(RedisSink::connect(&url)).unwrap());
    let (before, together) = (connections(&server), Barrier::new(RUNTIMES));
    std::thread::scope(|scope| {
        for n in 0..RUNTIMES {
            let (sink, together) = (Arc::clone(&sink), &together);
            scope.spawn(move || {
                runtime().block_on(async {
                    let run = run_id(&format!("run-{n}"));
                    open(&sink, &run).await;
                    together.wait();
                    for seq in 2..=EVENTS {
                        let batch = next(&run, EventId::new(1, seq), vec![text("x")]);
                        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
                    }
                });
            });
        }
    });
    let made = connections(&server) - before;
    assert!(made <= RUNTIMES as u64, "{made} connections for {RUNTIMES} runtimes");
}
