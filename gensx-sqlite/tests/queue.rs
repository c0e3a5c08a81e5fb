//! The queue passes the conformance suite; its second handle has connections and threads of its own, as another
//! process would have.

use gensx_core::{queue::conformance::Fixture, queue_conformance_tests};
use gensx_sqlite::SqliteSink;

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gensx.db");
    let (sink, second) = (SqliteSink::open(&file).await.unwrap(), SqliteSink::open(&file).await.unwrap());
    Fixture::new(sink.queue()).with_second(second.queue()).keeping(folder)
}

queue_conformance_tests!(fixture);
