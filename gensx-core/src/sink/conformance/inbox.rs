//! I: messages from outside.

use std::{collections::BTreeSet, pin::pin, sync::Arc, task::Poll};

use futures_util::{future::try_join_all, poll};

use super::{Fixture, kit::*};
use crate::{
    RunId, RunStatus,
    clock::BoxFuture,
    sink::{EventSink, MAX_MESSAGES_PER_RUN, Message, SinkErrorKind},
};

pub(super) async fn i1_messages_are_numbered_in_order(Fixture { sink, other, .. }: Fixture) {
    const SENDERS: u64 = 4;
    const EACH: u64 = 10;
    let run = run_id("run");
    open(&sink, &run, 1).await;
    let sender = |n: u64| -> BoxFuture<Vec<(u64, String)>> {
        let (sink, run) = (Arc::clone(if n.is_multiple_of(2) { &sink } else { &other }), run.clone());
        Box::pin(async move {
            let mut sent = Vec::new();
            for i in 0..EACH {
                let body = format!("{{\"sender\":{n},\"text\":\"\u{e4}\\u0000{i}\"}}");
                sent.push((ok(sink.send(&run, message("name", &body)).await), body));
            }
            sent
        })
    };
    let mut sent = at_once((0..SENDERS).map(sender).collect()).await;
    assert!(sent.iter().all(|one| one.is_sorted()), "a sender's messages came out of order");
    let mut sent: Vec<_> = sent.drain(..).flatten().collect();
    sent.sort();
    let received = ok(other.receive(&run, 0, 1_000).await);
    let expected = (1..).zip(sent).map(|(n, (number, body))| {
        assert_eq!(n, number);
        Message { number, ..message("name", &body) }
    });
    assert_eq!(received, expected.collect::<Vec<_>>());
    let middle = ok(sink.receive(&run, 7, 5).await);
    assert_eq!(middle.iter().map(|message| message.number).collect::<Vec<_>>(), [8, 9, 10, 11, 12]);
}

pub(super) async fn i2_a_message_sent_again_is_stored_once(Fixture { sink, other, .. }: Fixture) {
    let (run, another) = (run_id("run"), run_id("another"));
    open(&sink, &run, 1).await;
    open(&sink, &another, 1).await;
    let with_id = |id: &str, body: &str| Message { id: Some(id.to_owned()), ..message("name", body) };
    assert_eq!(ok(sink.send(&run, with_id("x", "1")).await), 1);
    assert_eq!(ok(sink.send(&run, message("name", "2")).await), 2);
    assert_eq!(ok(sink.send(&run, message("name", "2")).await), 3, "messages without an id are all new");
    assert_eq!(ok(other.send(&run, with_id("x", "another body")).await), 1);
    assert_eq!(ok(other.send(&another, with_id("x", "1")).await), 1, "an id counts within one run");
    assert_eq!(ok(other.send(&run, with_id("y", "4")).await), 4);
    let bodies: Vec<_> =
        ok(sink.receive(&run, 0, 10).await).into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["1", "2", "2", "4"]);
}

pub(super) async fn i3_a_message_needs_a_run_that_goes_on(Fixture { sink, other, .. }: Fixture) {
    let (run, unknown) = (run_id("run"), run_id("unknown"));
    assert_eq!(refused(sink.send(&unknown, message("name", "1")).await), SinkErrorKind::NotFound);
    open(&sink, &run, 1).await;
    ok(sink.send(&run, message("name", "1")).await);
    must_append(&sink, &closing(&run, 1, 2, RunStatus::Succeeded)).await;
    assert_eq!(refused(other.send(&run, message("name", "2")).await), SinkErrorKind::Ended);
    assert_eq!(ok(sink.receive(&run, 0, 10).await).len(), 1);
}

pub(super) async fn i4_an_inbox_is_bounded(Fixture { sink, .. }: Fixture) {
    const TOGETHER: usize = 100;
    let (run, another) = (run_id("run"), run_id("another"));
    open(&sink, &run, 1).await;
    open(&sink, &another, 1).await;
    for _ in 0..MAX_MESSAGES_PER_RUN / TOGETHER {
        ok(try_join_all((0..TOGETHER).map(|_| sink.send(&run, message("name", "1")))).await);
    }
    assert_eq!(refused(sink.send(&run, message("name", "1")).await), SinkErrorKind::TooLarge);
    assert_eq!(ok(sink.send(&another, message("name", "1")).await), 1, "one run's bound is not another's");
    let last = ok(sink.receive(&run, MAX_MESSAGES_PER_RUN as u64 - 1, 10).await);
    assert_eq!(last.len(), 1);
}

pub(super) async fn i5_an_unknown_run_has_no_messages(Fixture { sink, other, .. }: Fixture) {
    let run = run_id("unknown");
    for after in [0, 1, u64::MAX] {
        assert_eq!(ok(sink.receive(&run, after, 10).await), []);
        assert_eq!(ok(other.receive(&run, after, 10).await), []);
    }
}

pub(super) async fn i6_arrivals_tell_every_message(Fixture { sink, other, .. }: Fixture) {
    let runs = ["a", "b", "c"].map(run_id);
    for run in &runs {
        open(&sink, run, 1).await;
        ok(sink.send(run, message("old", "0")).await);
    }
    let (mut cursor, _) = within(SOON, "the first cursor", async { ok(sink.arrivals(0).await) }).await;
    for round in 0..12 {
        let (run, sender) = (&runs[round % 3], if round % 2 == 0 { &sink } else { &other });
        let mut wait = pin!(arrival(&sink, cursor, run));
        // Every third message is sent before the wait begins. A hint that comes before its message is allowed.
        let hinted = if round % 3 == 0 { Poll::Pending } else { poll!(wait.as_mut()) };
        ok(sender.send(run, message("news", "1")).await);
        cursor = match hinted {
            Poll::Ready(cursor) => cursor,
            Poll::Pending => within(SOON, "a message's arrival", wait).await,
        };
    }
}

/// Waits until `run` is told of, and gives the next cursor.
async fn arrival(sink: &Arc<dyn EventSink>, mut cursor: u64, run: &RunId) -> u64 {
    loop {
        let told;
        (cursor, told) = ok(sink.arrivals(cursor).await);
        if told.may_be(run) {
            return cursor;
        }
    }
}

pub(super) async fn i7_a_hint_and_a_look_find_every_message(Fixture { sink, other, .. }: Fixture) {
    const MESSAGES: usize = 60;
    let runs = ["a", "b", "c"].map(run_id);
    for run in &runs {
        open(&sink, run, 1).await;
    }
    let (cursor, _) = ok(other.arrivals(0).await);
    let sender: BoxFuture<usize> = {
        let (sink, runs) = (Arc::clone(&sink), runs.clone());
        Box::pin(async move {
            for n in 0..MESSAGES {
                ok(sink.send(&runs[n % 3], message("news", "1")).await);
            }
            0
        })
    };
    let runs_of = runs.clone();
    let receiver: BoxFuture<usize> = Box::pin(async move {
        let (mut cursor, mut found) = (cursor, BTreeSet::new());
        while found.len() < MESSAGES {
            let told;
            (cursor, told) = within(SOON, "arrivals", async { ok(other.arrivals(cursor).await) }).await;
            for run in runs_of.iter().filter(|run| told.may_be(run)) {
                let messages = ok(other.receive(run, 0, 1_000).await);
                found.extend(messages.into_iter().map(|message| (run.clone(), message.number)));
            }
        }
        found.len()
    });
    assert_eq!(at_once(vec![sender, receiver]).await[1], MESSAGES);
}
