//! W: how readers learn of new events.

use std::{pin::pin, sync::Arc};

use futures_util::poll;

use super::{Fixture, kit::*};
use crate::{
    RunId,
    clock::BoxFuture,
    sink::{Entry, EventSink},
};

const ROUNDS: u64 = 20;

pub(super) async fn w1_a_wait_for_what_is_there_returns_at_once(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    within(SOON, "a wait without a stream", async { ok(sink.changed(&run, 0).await) }).await;
    open(&sink, &run, 3).await;
    for after in 0..3 {
        within(SOON, "a wait for what is there", async { ok(sink.changed(&run, after).await) }).await;
        within(SOON, "a wait by the other handle", async { ok(other.changed(&run, after).await) }).await;
    }
}

pub(super) async fn w2_a_wait_returns_after_an_append(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("run");
    open(&sink, &run, 1).await;
    for after in 1..=ROUNDS {
        let writer = if after.is_multiple_of(2) { &sink } else { &other };
        let mut waits = pin!(async {
            tokio::join!(sink.changed(&run, after), sink.changed(&run, after), other.changed(&run, after))
        });
        // The waits have begun, unless one of them returned early, which is allowed.
        let early = poll!(waits.as_mut()).is_ready();
        must_append(writer, &batch(&run, 1, after + 1, &["news"])).await;
        if !early {
            let (one, two, three) = within(SOON, "waits after an append", waits).await;
            ok(one.and(two).and(three));
        }
    }
}

pub(super) async fn w3_a_reader_that_waits_and_reads_sees_everything(Fixture { sink, other, .. }: Fixture) {
    const EVENTS: u64 = 300;
    let run = run_id("run");
    open(&sink, &run, 1).await;
    let writer: BoxFuture<Vec<Entry>> = {
        let (sink, run) = (Arc::clone(&sink), run.clone());
        Box::pin(async move {
            for seq in 2..=EVENTS {
                must_append(&sink, &batch(&run, 1, seq, &["event"])).await;
            }
            Vec::new()
        })
    };
    let readers = [&sink, &other].map(|sink| follow(Arc::clone(sink), run.clone(), EVENTS));
    for seen in at_once([writer].into_iter().chain(readers).collect()).await.iter().skip(1) {
        assert_eq!(
            seen.iter().map(|entry| entry.id.seq).collect::<Vec<_>>(),
            (1..=EVENTS).collect::<Vec<_>>()
        );
    }
}

fn follow(sink: Arc<dyn EventSink>, run: RunId, events: u64) -> BoxFuture<Vec<Entry>> {
    Box::pin(async move {
        let mut seen: Vec<Entry> = Vec::new();
        while seen.len() < events as usize {
            let after = seen.last().map_or(0, |entry| entry.id.seq);
            within(SOON, "a reader's wait", async { ok(sink.changed(&run, after).await) }).await;
            seen.extend(ok(sink.read(&run, after, 50).await));
        }
        seen
    })
}
