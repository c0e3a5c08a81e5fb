//! What each call costs the server, which does one script at a time:
//! `cargo test -p gensx-redis --test queue_faults cost -- --nocapture`.

use gensx_core::{
    RunQueue as _,
    queue::{Enqueue, Lease, Limit, MAX_CLAIM, MAX_RENEW, Release, Renewal},
};
use gensx_test_servers::RedisServer;

use crate::{
    connect,
    work::{LONG, claim, entry, put},
};

/// Calls of each kind, and the most microseconds of one on a slow machine.
const CALLS: usize = 500;
const MOST_US: f64 = 20_000.0;

/// The microseconds of one script, since the last time that this was asked.
fn cost(server: &RedisServer, what: &str) {
    let info = server.command(&["INFO", "commandstats"]);
    let line = info.lines().find(|line| line.starts_with("cmdstat_evalsha:")).expect("scripts ran");
    let each = line.split("usec_per_call=").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    println!("{what}: {each} us");
    assert!(each.parse::<f64>().unwrap() < MOST_US, "{what}: {each} us");
    server.command(&["CONFIG", "RESETSTAT"]);
}

fn renewal(lease: &Lease) -> Renewal {
    Renewal { lease: lease.clone(), opened: true, progressed: false }
}

#[tokio::test]
async fn the_cost_of_each_script_is_bounded() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    server.command(&["CONFIG", "RESETSTAT"]);
    for n in 0..CALLS + MAX_RENEW {
        put(&queue, &entry(&format!("run-{n}"))).await;
    }
    cost(&server, "enqueue");
    let mut leases = Vec::new();
    for _ in 0..CALLS {
        leases.push(claim(&queue, 1).await.grants.remove(0).lease);
    }
    cost(&server, "claim of one");
    for lease in &leases {
        queue.renew(&[renewal(lease)], LONG).await.unwrap();
    }
    cost(&server, "renewal of one");
    for lease in leases {
        queue.release(&lease, &Release::Done, true).await.unwrap();
    }
    cost(&server, "release as done");
    let mut leases = Vec::new();
    while leases.len() < MAX_RENEW {
        leases.extend(claim(&queue, MAX_CLAIM).await.grants.into_iter().map(|grant| grant.lease));
    }
    cost(&server, "claim of 64");
    let renewals: Vec<Renewal> = leases.iter().map(renewal).collect();
    queue.renew(&renewals, LONG).await.unwrap();
    cost(&server, "renewal of 1,000");
    let limit = |n: usize| Limit { name: "group".into(), key: (n % 50).to_string().into(), max: 5 };
    for n in 0..CALLS {
        put(&queue, &Enqueue { limits: vec![limit(n)], ..entry(&format!("limited-{n}")) }).await;
    }
    cost(&server, "enqueue under a limit");
    claim(&queue, MAX_CLAIM).await;
    cost(&server, "claim of 64 under a limit");
}
