//! Streams and inboxes that went back, as when a replica takes over that lacks what the master had last: whoever saw what is
//! lost is told.

use std::{sync::Arc, time::Duration};

use gensx_core::{
    ErrorKind, EventId, EventSink,
    sink::{Append, events},
};
use gensx_redis::RedisSink;
use gensx_test_servers::RedisServer;

use crate::events::{claim, closing, opening, run_id, soon, text};

#[tokio::test]
async fn a_reader_that_rests_where_the_stream_ends_anew_is_told() {
    let (server, run) = (RedisServer::start(), run_id("run"));
    let sink = Arc::new(RedisSink::connect(&server.url()).await.unwrap());
    let done = async |batch| assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    done(opening(&run, vec![text("1"), text("2"), text("3")])).await;
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run.clone(), None);
    for _ in 0..3 {
        reader.next().await.unwrap().unwrap();
    }
    // While it looks at what it got, the run goes on without the last two events, and ends at the same position.
    server.command(&["DEL", "gensx:{run}:ev"]);
    done(opening(&run, vec![text("1")])).await;
    done(claim(&run, EventId::new(2, 2), vec![text("claim")])).await;
    done(closing(&run, EventId::new(2, 3))).await;
    // Longer than a reader relies on what it read last.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = soon("the reader", reader.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone, "{error:?}");
}
