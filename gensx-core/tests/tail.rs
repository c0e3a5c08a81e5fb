//! Reading a stream to its end: history, then what is appended, over a sink that may fail.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use gensx_core::{
    ErrorKind, Event, EventId, EventSink, MemorySink, RunId, RunStatus, SinkError, SinkErrorKind,
    sink::{
        Append, Arrived, Batch, BatchKind, BatchToken, Cursor, Entry, Head, Inbox, Message, RunFilter,
        RunPage, events,
    },
};

/// A sink in memory, whose next answers to one question can be made to fail.
#[derive(Debug, Default)]
struct Fickle {
    sink: MemorySink,
    failures: Mutex<Vec<(&'static str, SinkErrorKind)>>,
}

impl Fickle {
    fn fail(&self, question: &'static str, kind: SinkErrorKind, times: usize) {
        self.failures.lock().unwrap().extend(std::iter::repeat_n((question, kind), times));
    }

    fn answer(&self, question: &str) -> Result<(), SinkError> {
        let mut failures = self.failures.lock().unwrap();
        match failures.iter().position(|(failing, _)| *failing == question) {
            Some(at) => Err(SinkError::new(failures.remove(at).1, "fickle", "it fails: wait")),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl EventSink for Fickle {
    fn name(&self) -> String {
        "fickle".to_owned()
    }
    async fn append(&self, batch: &Batch) -> Result<Append, SinkError> {
        self.sink.append(batch).await
    }
    async fn read(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Entry>, SinkError> {
        self.answer("read")?;
        self.sink.read(run, after, limit).await
    }
    async fn head(&self, run: &RunId) -> Result<Option<Head>, SinkError> {
        self.answer("head")?;
        self.sink.head(run).await
    }
    async fn changed(&self, run: &RunId, after: u64) -> Result<(), SinkError> {
        self.answer("changed")?;
        self.sink.changed(run, after).await
    }
    async fn list(
        &self,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<RunPage, SinkError> {
        self.sink.list(filter, after, limit).await
    }
    async fn delete(&self, run: &RunId) -> Result<(), SinkError> {
        self.sink.delete(run).await
    }
    async fn now_ms(&self) -> Result<u64, SinkError> {
        self.sink.now_ms().await
    }
}

#[async_trait]
impl Inbox for Fickle {
    async fn send(&self, run: &RunId, message: Message) -> Result<u64, SinkError> {
        self.sink.send(run, message).await
    }
    async fn receive(&self, run: &RunId, after: u64, limit: usize) -> Result<Vec<Message>, SinkError> {
        self.sink.receive(run, after, limit).await
    }
    async fn arrivals(&self, cursor: u64) -> Result<(u64, Arrived), SinkError> {
        self.sink.arrivals(cursor).await
    }
}

fn run_id() -> RunId {
    "run".parse().unwrap()
}

fn batch(epoch: u32, seq: u64, json: &str) -> Batch {
    Batch {
        run: run_id(),
        first: EventId::new(epoch, seq),
        token: BatchToken { owner: epoch.into(), number: seq },
        payloads: vec![Arc::from(json.as_bytes())],
        kind: if seq == 1 { BatchKind::Opens("tests".into()) } else { BatchKind::Continues },
        closes: json.contains("run.ended").then_some(RunStatus::Cancelled),
    }
}

const TEXT: &str = r#"{"v":1,"type":"text","time":1,"name":"draft","text":"x"}"#;
const OTHER: &str = r#"{"v":1,"type":"text","time":1,"name":"draft","text":"y"}"#;
const END: &str = r#"{"v":1,"type":"run.ended","time":1,"status":"cancelled"}"#;

async fn add(sink: &Fickle, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        assert_eq!(sink.append(&batch(1, seq, TEXT)).await.unwrap(), Append::Done);
    }
}

async fn end(sink: &Fickle, seq: u64) {
    assert_eq!(sink.append(&batch(1, seq, END)).await.unwrap(), Append::Done);
}

async fn all(sink: &Arc<Fickle>, after: Option<EventId>) -> gensx_core::Result<Vec<u64>> {
    let read = events(Arc::clone(sink) as Arc<dyn EventSink>, run_id(), after).collect();
    let read: Vec<Event> =
        tokio::time::timeout(Duration::from_secs(300), read).await.expect("the stream ends")?;
    Ok(read.into_iter().map(|event| event.id.seq).collect())
}

#[tokio::test]
async fn a_reader_sees_history_then_what_follows() {
    const EVENTS: u64 = 1_300;
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=600).await;
    let readers: Vec<_> = [None, Some(EventId::new(1, 250)), Some(EventId::new(1, 600))]
        .into_iter()
        .map(|after| {
            let sink = Arc::clone(&sink);
            tokio::spawn(async move { (after.map_or(0, |id| id.seq), all(&sink, after).await.unwrap()) })
        })
        .collect();
    for seq in 601..EVENTS {
        add(&sink, seq..=seq).await;
        tokio::task::yield_now().await;
    }
    end(&sink, EVENTS).await;
    for reader in readers {
        let (after, seen) = reader.await.unwrap();
        assert_eq!(seen, (after + 1..=EVENTS).collect::<Vec<_>>());
    }
    assert_eq!(
        all(&sink, Some(EventId::new(1, EVENTS))).await.unwrap(),
        [0; 0],
        "past the last event is the end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_outlasts_a_sink_that_fails_for_a_while() {
    for question in ["read", "head", "changed"] {
        let sink = Arc::new(Fickle::default());
        add(&sink, 1..=3).await;
        sink.fail(question, SinkErrorKind::Unavailable, 4);
        let reader = {
            let sink = Arc::clone(&sink);
            tokio::spawn(async move { all(&sink, Some(EventId::new(1, 1))).await })
        };
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(sink.failures.lock().unwrap().is_empty(), "`{question}` was not asked");
        end(&sink, 4).await;
        assert_eq!(reader.await.unwrap().unwrap(), [2, 3, 4], "`{question}` failed for a while");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_gives_up_on_a_sink_that_stays_away() {
    for question in ["read", "head", "changed"] {
        let sink = Arc::new(Fickle::default());
        add(&sink, 1..=3).await;
        sink.fail(question, SinkErrorKind::Unavailable, 1_000);
        let error = all(&sink, Some(EventId::new(1, 1))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert!(format!("{error:#}").contains("fickle"), "the message does not name the sink: {error:#}");
    }
}

#[tokio::test]
async fn a_wait_that_is_refused_ends_the_reader() {
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=3).await;
    sink.fail("changed", SinkErrorKind::Corrupt, 1);
    assert_eq!(all(&sink, None).await.unwrap_err().kind(), ErrorKind::Replay);
}

#[tokio::test]
async fn a_position_that_is_not_in_the_stream_is_gone() {
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=3).await;
    end(&sink, 4).await;
    for (epoch, seq) in [(1, 0), (1, 5), (2, 2), (0, 2), (1, u64::MAX)] {
        let error = all(&sink, Some(EventId::new(epoch, seq))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Gone, "{epoch}-{seq}");
    }
    sink.delete(&run_id()).await.unwrap();
    for after in [None, Some(EventId::new(1, 2))] {
        assert_eq!(all(&sink, after).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_run_deleted_while_it_is_read_ends_its_readers() {
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=3).await;
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run_id(), None);
    for seq in 1..=3 {
        assert_eq!(reader.next().await.unwrap().unwrap().id.seq, seq);
    }
    let deleted = async {
        tokio::task::yield_now().await;
        sink.delete(&run_id()).await.unwrap();
    };
    let (next, ()) = tokio::join!(reader.next(), deleted);
    assert_eq!(next.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(reader.next().await.is_none(), "nothing follows an error");
}

#[tokio::test]
async fn a_tail_that_was_written_anew_is_not_read_as_if_it_followed() {
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=3).await;
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run_id(), None);
    for _ in 0..3 {
        reader.next().await.unwrap().unwrap();
    }
    // The store lost the third event; the next owner wrote another one in its place.
    sink.delete(&run_id()).await.unwrap();
    add(&sink, 1..=2).await;
    let claim = Batch { kind: BatchKind::Claims { deployment: None }, ..batch(2, 3, TEXT) };
    for batch in [claim, batch(2, 4, TEXT)] {
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    }
    assert_eq!(reader.next().await.unwrap().unwrap_err().kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn a_tail_that_was_written_anew_under_the_same_ids_is_not_read_as_if_it_followed() {
    let claim =
        |epoch, seq, json| Batch { kind: BatchKind::Claims { deployment: None }, ..batch(epoch, seq, json) };
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=2).await;
    sink.append(&claim(2, 3, TEXT)).await.unwrap();
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run_id(), None);
    for _ in 0..3 {
        reader.next().await.unwrap().unwrap();
    }
    // The store lost the claim; the next owner took the epoch and the place that it had.
    sink.delete(&run_id()).await.unwrap();
    add(&sink, 1..=2).await;
    for batch in [claim(2, 3, OTHER), claim(3, 4, TEXT)] {
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
    }
    assert_eq!(reader.next().await.unwrap().unwrap_err().kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn a_reader_that_waited_for_long_is_told_of_a_tail_that_was_written_anew_under_the_same_ids() {
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=3).await;
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run_id(), None);
    for _ in 0..3 {
        reader.next().await.unwrap().unwrap();
    }
    let lost = async {
        // As long as a store's failover takes at least.
        tokio::time::sleep(Duration::from_millis(600)).await;
        sink.delete(&run_id()).await.unwrap();
        add(&sink, 1..=2).await;
        assert_eq!(sink.append(&batch(1, 3, OTHER)).await.unwrap(), Append::Done);
        add(&sink, 4..=4).await;
    };
    let (next, ()) = tokio::join!(reader.next(), lost);
    assert_eq!(next.unwrap().unwrap_err().kind(), ErrorKind::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_reader_whose_position_was_lost_is_told_before_another_event_comes() {
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=3).await;
    let mut reader = events(Arc::clone(&sink) as Arc<dyn EventSink>, run_id(), None);
    for _ in 0..3 {
        reader.next().await.unwrap().unwrap();
    }
    // The store wakes its readers after a failover, in which it lost the third event.
    let lost = async {
        tokio::task::yield_now().await;
        sink.delete(&run_id()).await.unwrap();
        add(&sink, 1..=2).await;
    };
    let (next, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(300), reader.next()), lost);
    assert_eq!(next.expect("the reader is told").unwrap().unwrap_err().kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_ends_the_reader_with_its_place() {
    let sink = Arc::new(Fickle::default());
    add(&sink, 1..=1).await;
    assert_eq!(sink.append(&batch(1, 2, "{\"v\":1,\"ty")).await.unwrap(), Append::Done);
    let error = all(&sink, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replay);
    assert!(error.to_string().contains(&EventId::new(1, 2).to_string()), "{error}");
}
