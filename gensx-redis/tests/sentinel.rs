//! A master behind Sentinel: writers and readers go on when its replica takes over.

#[path = "support/events.rs"]
mod events;
#[path = "support/live.rs"]
mod live;

use gensx_core::{
    EventId, EventSink, RunStatus,
    sink::{Append, Inbox as _, Message, RunFilter},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisSentinel;

use self::events::{claim, closing, next, opening, run_id, text};

#[tokio::test]
async fn all_of_the_sink_works_through_sentinel() {
    let servers = RedisSentinel::start();
    let sink = RedisSink::connect(&servers.url()).await.unwrap();
    let (run, at) = (run_id("run"), |epoch, seq| EventId::new(epoch, seq));
    let batch = opening(&run, vec![text("1")]);
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Duplicate);
    assert_eq!(sink.append(&claim(&run, at(2, 2), vec![text("2")])).await.unwrap(), Append::Done);
    assert_eq!(sink.append(&next(&run, at(1, 2), vec![text("x")])).await.unwrap(), Append::Fenced);
    let message = Message { number: 0, name: "m".into(), body: "1".into(), id: None };
    assert_eq!(sink.send(&run, message).await.unwrap(), 1);
    assert_eq!(sink.receive(&run, 0, 9).await.unwrap().len(), 1);
    let end = closing(&run, at(2, 3));
    let (changed, ended) = tokio::join!(sink.changed(&run, 2), sink.append(&end));
    assert_eq!((changed.unwrap(), ended.unwrap()), ((), Append::Done));
    assert_eq!(sink.read(&run, 0, 9).await.unwrap().len(), 3);
    assert_eq!(sink.list(&RunFilter::new(), None, 9).await.unwrap().runs[0].status, RunStatus::Succeeded);
    assert!(sink.list(&RunFilter::new().unfinished(), None, 9).await.unwrap().runs.is_empty());
    sink.delete(&run).await.unwrap();
    assert!(sink.head(&run).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_readers_outlast_a_failover() {
    let servers = RedisSentinel::start();
    let url = servers.url();
    let trouble = move || {
        servers.fail_over();
        servers
    };
    drop(live::outlast(&url, trouble).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_readers_outlast_a_master_that_is_killed() {
    let mut servers = RedisSentinel::start();
    let url = servers.url();
    let trouble = move || {
        servers.kill_master();
        servers
    };
    drop(live::outlast(&url, trouble).await);
}
