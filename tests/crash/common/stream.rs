//! What every stream must be, and how it is read whole.

use gensx::{Event, EventKind, EventSink, RunId};

/// The whole stream as the sink holds it.
pub(crate) async fn read(sink: &dyn EventSink, run: &RunId) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.id.seq);
        let page = sink.read(run, after, gensx::sink::MAX_PAGE).await.unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page.iter().map(|entry| Event::decode(entry.id, &entry.payload).unwrap()));
    }
}

/// Positions are dense, each epoch is one block that begins with its owner's claim, and nothing follows the one last
/// event.
pub(crate) fn expect_whole(events: &[Event]) {
    assert!((1..).zip(events).all(|(seq, event)| event.id.seq == seq), "the stream has a hole");
    let mut epoch = 0;
    for event in events {
        let begins = match event.kind {
            EventKind::RunStarted { .. } => event.id.seq == 1 && event.id.epoch == 1,
            EventKind::RunClaimed { .. } => event.id.epoch == epoch + 1,
            _ => false,
        };
        assert!(begins || event.id.epoch == epoch, "{} does not belong to the block of {epoch}", event.id);
        epoch = event.id.epoch;
    }
    let last = events.iter().position(Event::is_last).expect("the run has ended");
    assert_eq!(last + 1, events.len(), "an event follows the last one");
}
