//! How long after an append a reader with the file open on its own has the event.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gensx::{
    EventId, EventSink, RunId, SqliteSink,
    sink::{Append, Batch, BatchKind, BatchToken},
};

use crate::measure::{Row, Store, median, millis, one_worker};

const APPENDS: u64 = 200;
/// The longest pause before an append, in microseconds: appends must not fall into step with the reader's looks.
const MAX_PAUSE_US: u64 = 25_000;

/// From the return of an append to the return of the read that has it: in the same handle, and in another one.
pub fn delay() -> Vec<Row> {
    one_worker().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let writer = Store::Sqlite.open(folder.path()).await;
        let path = folder.path().join("figures.db");
        let other: Arc<dyn EventSink> = Arc::new(SqliteSink::open(path).await.unwrap());
        let near = delays(&writer, &writer).await;
        let far = delays(&writer, &other).await;
        let worst = far.iter().max().copied().unwrap_or_default();
        vec![Row {
            what: "an append until another process's reader has it, SQLite".to_owned(),
            gensx: format!("{} (longest {})", millis(median(far)), millis(worst)),
            baseline: format!("{} (a reader of the same process)", millis(median(near))),
            answer: "looks every 10 ms".to_owned(),
            goal: "reported",
        }]
    })
}

async fn delays(writer: &Arc<dyn EventSink>, reader: &Arc<dyn EventSink>) -> Vec<Duration> {
    let run = RunId::generate();
    append(writer, &run, 1).await;
    let mut delays = Vec::new();
    for seq in 2..=APPENDS {
        let (following, id) = (Arc::clone(reader), run.clone());
        let seen = tokio::spawn(async move {
            while following.read(&id, seq - 1, 1).await.unwrap().is_empty() {
                following.changed(&id, seq - 1).await.unwrap();
            }
            Instant::now()
        });
        tokio::time::sleep(Duration::from_micros(fastrand::u64(5_000..MAX_PAUSE_US))).await;
        append(writer, &run, seq).await;
        let appended = Instant::now();
        delays.push(seen.await.unwrap().saturating_duration_since(appended));
    }
    delays
}

async fn append(sink: &Arc<dyn EventSink>, run: &RunId, seq: u64) {
    let batch = Batch {
        run: run.clone(),
        first: EventId::new(1, seq),
        token: BatchToken { owner: 1, number: seq },
        payloads: vec![br#"{"v":1,"type":"timer.fired","time":0}"#.as_slice().into()],
        kind: if seq == 1 { BatchKind::Opens("follow".into()) } else { BatchKind::Continues },
        closes: None,
    };
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
}
