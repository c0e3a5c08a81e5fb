//! The sink passes the conformance suite; its second handle has connections and threads of its own, as another
//! process would have.

use gensx_core::{conformance_tests, sink::conformance::Fixture};
use gensx_sqlite::SqliteSink;

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gensx.db");
    let (sink, second) = (SqliteSink::open(&file).await.unwrap(), SqliteSink::open(&file).await.unwrap());
    Fixture::new(sink).with_second(second).keeping(folder)
}

conformance_tests!(fixture);
