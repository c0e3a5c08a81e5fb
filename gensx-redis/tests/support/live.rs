//! Runs that are written and read while something happens to their servers.

use std::sync::Arc;

use gensx_core::{
    EventId, EventSink, RunId, SinkErrorKind,
    sink::{Append, Batch},
};
use gensx_redis::RedisSink;

use crate::events::{claim, closing, next, opening, run_id, soon, text};

const RUNS: usize = 6;
const READERS_PER_RUN: usize = 4;
/// Events of each run before, and at least as many after.
const EVENTS: u64 = 100;

/// Repeats a batch until it is answered.
async fn append(sink: &RedisSink, batch: &Batch) -> Append {
    loop {
        match sink.append(batch).await {
            Ok(answer) => return answer,
            Err(error) => assert_eq!(error.kind(), SinkErrorKind::Unavailable, "{error}: {error:?}"),
        }
    }
}

/// Appends one event after the other; whoever is told that a part is lost takes the run over again.
async fn write(sink: &RedisSink, run: &RunId, mut last: EventId, to: u64) -> EventId {
    while last.seq < to {
        let first = EventId::new(last.epoch, last.seq + 1);
        match append(sink, &next(run, first, vec![text(&first.seq.to_string())])).await {
            Append::Done | Append::Duplicate => last = first,
            Append::Lost => {
                let head = soon("the head", head(sink, run)).await;
                let first = EventId::new(head.epoch.max(last.epoch) + 1, head.seq + 1);
                assert_eq!(append(sink, &claim(run, first, vec![text("claim")])).await, Append::Done);
                last = first;
            }
            answer => panic!("{answer:?}"),
        }
    }
    last
}

async fn head(sink: &RedisSink, run: &RunId) -> EventId {
    loop {
        if let Ok(head) = sink.head(run).await {
            return head.expect("it was written").last;
        }
    }
}

/// A reader that begins anew when what it saw was lost, or the sink was away for long.
async fn read(sink: Arc<dyn EventSink>, run: RunId) -> Vec<(EventId, Arc<[u8]>)> {
    let mut seen: Vec<(EventId, Arc<[u8]>)> = Vec::new();
    loop {
        let after = seen.last().map(|(id, _)| *id);
        let mut events = gensx_core::sink::events(Arc::clone(&sink), run.clone(), after);
        loop {
            match events.next().await {
                None => return seen,
                Some(Ok(event)) => seen.push((event.id, event.encode())),
                Some(Err(error)) => {
                    if error.kind() == gensx_core::ErrorKind::Gone {
                        seen.clear();
                    }
                    break;
                }
            }
        }
    }
}

/// Writers and readers of some runs, over sinks of their own; `trouble` comes when all are under way, and each writer goes
/// on after it. Gives what `trouble` gives.
pub(crate) async fn outlast<T: Send + 'static>(url: &str, trouble: impl FnOnce() -> T + Send + 'static) -> T {
    let (mut tasks, mut readers) = (Vec::new(), Vec::new());
    let (written, mut on_their_way) = tokio::sync::mpsc::channel(RUNS);
    let over = tokio::sync::watch::Sender::new(false);
    for n in 0..RUNS {
        let sink = Arc::new(RedisSink::connect(url).await.unwrap());
        let reading: Arc<dyn EventSink> = Arc::new(RedisSink::connect(url).await.unwrap());
        let run = run_id(&format!("run-{n}"));
        assert_eq!(append(&sink, &opening(&run, vec![text("1")])).await, Append::Done);
        for _ in 0..READERS_PER_RUN {
            readers.push(tokio::spawn(read(Arc::clone(&reading), run.clone())));
        }
        let (written, mut over) = (written.clone(), over.subscribe());
        tasks.push(tokio::spawn(async move {
            let mut last = write(&sink, &run, EventId::new(1, 1), EVENTS).await;
            written.send(()).await.unwrap();
            // In the middle of an append when the master goes.
            while !*over.borrow_and_update() {
                let to = last.seq + 1;
                last = write(&sink, &run, last, to).await;
            }
            let to = last.seq + EVENTS;
            last = write(&sink, &run, last, to).await;
            let end = closing(&run, EventId::new(last.epoch, last.seq + 1));
            assert!(matches!(append(&sink, &end).await, Append::Done | Append::Duplicate));
            (run.clone(), sink)
        }));
    }
    for _ in 0..RUNS {
        soon("the writers", on_their_way.recv()).await.unwrap();
    }
    let outcome = tokio::task::spawn_blocking(trouble).await.unwrap();
    over.send_replace(true);
    let mut streams = Vec::new();
    for task in tasks {
        let (run, sink) = soon("the writers go on", task).await.unwrap();
        let page = sink.read(&run, 0, 1_000).await.unwrap();
        assert!(page.len() as u64 > 2 * EVENTS);
        let mut stream: Vec<_> = page.into_iter().map(|entry| (entry.id, entry.payload)).collect();
        while sink.head(&run).await.unwrap().unwrap().last.seq > stream.len() as u64 {
            let page = sink.read(&run, stream.len() as u64, 1_000).await.unwrap();
            stream.extend(page.into_iter().map(|entry| (entry.id, entry.payload)));
        }
        assert!(stream.iter().zip(1..).all(|((id, _), seq)| id.seq == seq));
        streams.push(stream);
    }
    for (n, reader) in readers.into_iter().enumerate() {
        let seen = soon("a reader", reader).await.unwrap();
        assert!(seen == streams[n / READERS_PER_RUN], "reader {n} saw another stream");
    }
    outcome
}
