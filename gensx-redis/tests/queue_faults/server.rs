//! Servers that lose their scripts, have no memory left, are replicas, or have another time than their clients.

use std::{collections::BTreeSet, time::SystemTime};

use gensx_core::{
    RunQueue as _,
    queue::{
        Announce, Due, Enqueue, Enqueued, IdempotencyKey, Park, QueueErrorKind, Release, Released, Renewal,
        Renewed, Wake,
    },
};
use gensx_redis::RedisQueue;
use gensx_test_servers::RedisServer;

use crate::{
    connect,
    events::run_id,
    expect,
    work::{LONG, ask, assert_empty, claim, entry, put},
};

use QueueErrorKind::Unavailable;

/// Does one of each thing, before each of them something else. Gives the numbers of the leases.
async fn all_of_it(queue: &RedisQueue, mut before: impl FnMut()) -> Vec<u64> {
    let key = Some(IdempotencyKey { key: "key".into(), ttl: LONG });
    before();
    put(queue, &Enqueue { first: Some((*b"1").into()), key, ..entry("run") }).await;
    before();
    put(queue, &Enqueue { due: Due::After(LONG), ..entry("later") }).await;
    let asked = ask(1, LONG);
    before();
    let says = Announce { worker: asked.worker.clone(), draining: false, ttl: LONG };
    queue.announce(&says).await.unwrap();
    before();
    let lease = queue.claim(&asked).await.unwrap().grants.remove(0).lease;
    before();
    let renewed = queue
        .renew(&[Renewal { lease: lease.clone(), opened: true, progressed: false }], LONG)
        .await
        .unwrap();
    assert_eq!(renewed, [Renewed::Kept { wakes: 0 }]);
    before();
    let park = Release::Park(Park::until(Due::After(LONG), 0));
    assert_eq!(queue.release(&lease, &park, true).await.unwrap(), Released::Released);
    for run in ["run", "later"] {
        before();
        assert!(queue.wake(&run_id(run), Wake::Now).await.unwrap());
    }
    before();
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.parked), (2, 0));
    before();
    let again = claim(queue, 1).await.grants.remove(0).lease;
    before();
    assert_eq!(queue.release(&again, &Release::Dead, true).await.unwrap(), Released::Released);
    before();
    assert_eq!(queue.dead(None, 9).await.unwrap().len(), 1);
    before();
    assert!(queue.find(&again.run).await.unwrap().is_some());
    before();
    assert_eq!(queue.deployments().await.unwrap().len(), 1);
    for run in ["run", "later"] {
        before();
        queue.remove(&run_id(run)).await.unwrap();
    }
    before();
    queue.announce(&Announce { ttl: std::time::Duration::ZERO, ..says }).await.unwrap();
    vec![lease.number, again.number]
}

#[tokio::test]
async fn scripts_that_are_flushed_are_no_failure() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    all_of_it(&queue, || assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK")).await;
    server.command(&["DEL", "gensx:{gensx:queue}:key:digest\nkey"]);
    assert_empty(std::slice::from_ref(&server));
}

#[tokio::test]
async fn without_memory_what_is_queued_goes_on_and_nothing_more_is_queued() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    for run in ["a", "b", "c"] {
        put(&queue, &entry(run)).await;
    }
    let asked = ask(2, LONG);
    let leases: Vec<_> =
        queue.claim(&asked).await.unwrap().grants.into_iter().map(|grant| grant.lease).collect();
    server.command(&["CONFIG", "SET", "maxmemory", "1mb"]);
    expect(queue.enqueue(&entry("d")).await, Unavailable, &["run `d` was not queued", "maxmemory"]);
    let renewal = Renewal { lease: leases[0].clone(), opened: false, progressed: false };
    assert_eq!(queue.renew(&[renewal], LONG).await.unwrap(), [Renewed::Kept { wakes: 0 }]);
    let says = Announce { worker: asked.worker.clone(), draining: true, ttl: LONG };
    queue.announce(&says).await.unwrap();
    let park = Release::Park(Park::for_message(0));
    assert_eq!(queue.release(&leases[0], &park, true).await.unwrap(), Released::Released);
    assert!(queue.wake(&leases[0].run, Wake::Message).await.unwrap());
    assert_eq!(queue.release(&leases[1], &Release::Done, true).await.unwrap(), Released::Released);
    let rest = claim(&queue, 9).await.grants;
    assert_eq!(rest.len(), 2);
    for grant in rest {
        assert_eq!(queue.release(&grant.lease, &Release::Done, true).await.unwrap(), Released::Released);
    }
    assert_eq!(queue.find(&run_id("d")).await.unwrap(), None);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    put(&queue, &entry("d")).await;
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_waited_for() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    put(&queue, &entry("run")).await;
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    expect(queue.enqueue(&entry("more")).await, Unavailable, &["run `more`", "replica"]);
    expect(queue.claim(&ask(1, LONG)).await, Unavailable, &["got nothing", "replica"]);
    server.command(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(queue.find(&run_id("more")).await.unwrap(), None);
    put(&queue, &entry("more")).await;
    assert_eq!(claim(&queue, 9).await.grants.len(), 2);
}

#[tokio::test]
async fn no_argument_is_a_time_of_the_client() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    server.command(&["CONFIG", "SET", "slowlog-max-len", "1000"]);
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    let given: BTreeSet<u64> = all_of_it(&queue, || {}).await.into_iter().collect();
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"]);
    let log = server.command(&["SLOWLOG", "GET", "1000"]);
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines.iter().filter(|line| **line == "EVALSHA").count() > 10, "{log}");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    // The log's own entries say when: they are the lines before how long a command took.
    let arguments = log.split("EVALSHA").skip(1).flat_map(|call| call.split("127.0.0.1").next());
    let numbers =
        arguments.flat_map(|call| call.split_whitespace()).filter_map(|word| word.parse::<u64>().ok());
    for number in numbers.filter(|number| !given.contains(number)) {
        for unit in [1.0, 1e3, 1e6, 1e9] {
            let seconds = number as f64 / unit;
            assert!((seconds - now).abs() > 86_400.0, "{number} is a time");
        }
    }
}

/// After its clock was set by hours, what is due is due, and numbers of leases still grow.
#[tokio::test]
async fn numbers_of_leases_grow_though_the_server_s_time_goes_back() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    put(&queue, &entry("run")).await;
    let first = claim(&queue, 1).await.grants.remove(0).lease;
    let ahead = first.number + 86_400_000_000;
    server.command(&["HSET", &crate::work::key("counts"), "tick", &ahead.to_string()]);
    assert_eq!(queue.release(&first, &Release::Back, true).await.unwrap(), Released::Released);
    let claimed = claim(&queue, 1).await;
    assert!(claimed.grants[0].lease.number > ahead && claimed.cursor > ahead);
    assert_eq!(queue.enqueue(&entry("run")).await.unwrap(), Enqueued::Known(run_id("run")));
    assert_eq!(queue.release(&first, &Release::Done, true).await.unwrap(), Released::Lost);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_answered_the_same_again() {
    let server = RedisServer::start();
    let queue = connect(&server).await;
    put(&queue, &Enqueue { first: Some((*b"the first event").into()), ..entry("run") }).await;
    put(&queue, &entry("other")).await;
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    let grant = claim(&queue, 1).await.grants.remove(0);
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"]);
    // The same request, byte by byte, as the client sends it over its next connection.
    let log = server.command(&["SLOWLOG", "GET", "10"]);
    let (_, request) = log.split_once("EVALSHA\n").expect("it was asked for");
    let words = request.lines().take_while(|word| !word.contains("127.0.0.1:"));
    let words: Vec<&str> = std::iter::once("EVALSHA").chain(words).collect();
    let again = || server.command(&words);
    let answer = again();
    for part in ["run", "the first event", &grant.lease.number.to_string()] {
        assert!(answer.lines().any(|line| line == part), "`{part}` is not in {answer}");
    }
    assert!(!answer.contains("other"), "{answer}");
    // Not what is somebody else's by now.
    assert_eq!(queue.release(&grant.lease, &Release::Back, false).await.unwrap(), Released::Released);
    assert_eq!(claim(&queue, 9).await.grants.len(), 2);
    assert!(!again().contains("the first event"));
}
