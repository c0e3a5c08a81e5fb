//! What must hold at the end, by the ledgers of those who wrote.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use gensx_core::{
    EventId, EventSink, RunId,
    sink::{Append, Batch, BatchKind, MAX_PAGE, Payload},
};

use crate::{events::closing, writer::Writer};

pub(crate) type Stream = Vec<(EventId, Payload)>;

/// Ends each run, and gives its stream.
pub(crate) async fn end(sink: &Arc<dyn EventSink>, runs: &[RunId]) -> HashMap<RunId, Stream> {
    let mut streams = HashMap::new();
    for run in runs {
        let last = sink.head(run).await.unwrap().expect("somebody wrote it").last;
        let end = closing(run, EventId::new(last.epoch + 1, last.seq + 1));
        let batch = Batch { kind: BatchKind::Claims { deployment: None }, ..end };
        assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
        let mut stream = Stream::new();
        loop {
            let after = stream.last().map_or(0, |(id, _)| id.seq);
            let page = sink.read(run, after, MAX_PAGE).await.unwrap();
            if page.is_empty() {
                break;
            }
            stream.extend(page.into_iter().map(|entry| (entry.id, entry.payload)));
        }
        streams.insert(run.clone(), stream);
    }
    streams
}

/// No hole, no duplicate, each epoch one block, nothing that was refused; gives how many acknowledged events are missing.
pub(crate) fn judge(streams: &HashMap<RunId, Stream>, writers: &[Writer]) -> usize {
    let mut present = HashSet::new();
    for (run, stream) in streams {
        let mut last = EventId::new(1, 0);
        for (id, payload) in stream {
            assert_eq!(id.seq, last.seq + 1, "a hole in `{run}` after {last}");
            assert!(id.epoch >= last.epoch, "an epoch of `{run}` in two blocks: {last}, {id}");
            let last_event = id.seq == stream.len() as u64;
            assert!(present.insert(Arc::clone(payload)) || last_event, "twice in `{run}`: {payload:?}");
            last = *id;
        }
    }
    for payload in writers.iter().flat_map(|writer| &writer.refused) {
        assert!(!present.contains(payload), "refused, and there: {}", String::from_utf8_lossy(payload));
    }
    let missing = writers.iter().flat_map(|writer| &writer.ledger).filter(|event| {
        let at = usize::try_from(event.id.seq - 1).unwrap();
        streams[&event.run].get(at) != Some(&(event.id, Arc::clone(&event.payload)))
    });
    missing.count()
}

/// Each epoch has one writer.
pub(crate) fn judge_owners(streams: &HashMap<RunId, Stream>, writers: &[Writer]) {
    let mut owners = HashMap::new();
    for (n, writer) in writers.iter().enumerate() {
        for event in &writer.ledger {
            let held = streams[&event.run].get(usize::try_from(event.id.seq - 1).unwrap());
            if held == Some(&(event.id, Arc::clone(&event.payload))) {
                let owner = *owners.entry((event.run.clone(), event.id.epoch)).or_insert(n);
                assert_eq!(owner, n, "two owners of `{}` in epoch {}", event.run, event.id.epoch);
            }
        }
    }
}
