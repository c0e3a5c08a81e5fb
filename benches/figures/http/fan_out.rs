//! What it costs to bring an event of one run to many readers, against a bare axum handler that is fed from memory.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    response::sse::{Event as SseEvent, Sse},
    routing::get,
};
use futures_util::{Stream, stream};
use gensx::{EventSink, MemorySink, Runtime};
use tokio::sync::broadcast;

use super::{
    append, event,
    readers::{Readers, Task},
    run_of, serve, two_workers,
};
use crate::measure::{Row, cpu, median, micros, ratio};

const ROUNDS: usize = 3;
/// How many readers, how many events each gets, and the pause between two of these: long enough that each is brought by itself.
const CASES: [(usize, usize, Duration); 3] = [
    (1, 2_000, Duration::from_millis(1)),
    (100, 200, Duration::from_millis(10)),
    (10_000, 20, Duration::from_millis(400)),
];

/// CPU time and bytes per event delivered.
pub fn fan_out() -> Vec<Row> {
    CASES.into_iter().map(|(readers, events, pause)| case(readers, events, pause)).collect()
}

/// CPU time per delivery, and bytes.
struct Cost {
    cpu: Duration,
    bytes: u64,
}

fn case(readers: usize, events: usize, pause: Duration) -> Row {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(two_workers().block_on(gensx(readers, events, pause)));
        bare.push(two_workers().block_on(from_memory(readers, events, pause)));
    }
    let times = |costs: &[Cost]| costs.iter().map(|cost| cost.cpu).collect::<Vec<_>>();
    let say = |costs: &[Cost]| format!("{}, {} bytes", micros(median(times(costs))), costs[0].bytes);
    Row {
        what: format!("an event of a run to each of {readers} readers, memory, HTTP"),
        gensx: say(&ours),
        baseline: format!("{} (a bare axum SSE handler)", say(&bare)),
        answer: format!("{:.2} times the CPU", ratio(&times(&ours), &times(&bare))),
        goal: "at most 2 times",
    }
}

async fn gensx(readers: usize, events: usize, pause: Duration) -> Cost {
    let sink: Arc<dyn EventSink> = Arc::new(MemorySink::new());
    let runtime = Runtime::builder().shared_sink(Arc::clone(&sink)).build();
    let address = serve(gensx::http::router(runtime)).await;
    let run = run_of(0);
    append(&sink, &run, 1, vec![br#"{"v":1,"type":"timer.fired","time":0}"#.as_slice().into()]).await;
    deliver(address, readers, events, pause, async |seq| append(&sink, &run, seq, vec![event()]).await).await
}

/// The baseline's router, and what feeds it.
pub(super) fn plain() -> (Router, broadcast::Sender<Arc<str>>) {
    let (send, _) = broadcast::channel(4_096);
    (Router::new().route("/runs/{id}/events", get(handler)).with_state(send.clone()), send)
}

async fn from_memory(readers: usize, events: usize, pause: Duration) -> Cost {
    let (router, send) = plain();
    let address = serve(router).await;
    deliver(address, readers, events, pause, async |_| {
        let event = event();
        send.send(std::str::from_utf8(&event).unwrap().into()).unwrap();
    })
    .await
}

async fn handler(
    State(events): State<broadcast::Sender<Arc<str>>>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let first = stream::iter([Ok(SseEvent::default().comment("stream"))]);
    let rest = stream::unfold(events.subscribe(), |mut events| async {
        let event = events.recv().await.ok()?;
        Some((Ok(SseEvent::default().data(&*event)), events))
    });
    Sse::new(futures_util::StreamExt::chain(first, rest))
}

async fn deliver(
    address: String,
    readers: usize,
    events: usize,
    pause: Duration,
    mut send: impl AsyncFnMut(u64),
) -> Cost {
    let task = Task { address, readers, runs: 1, events };
    let started = tokio::task::spawn_blocking(move || Readers::start(&task)).await.unwrap();
    let (took, report) = cpu(async {
        for seq in 2..2 + events as u64 {
            tokio::time::sleep(pause).await;
            send(seq).await;
        }
        tokio::task::spawn_blocking(|| started.report()).await.unwrap()
    })
    .await;
    let deliveries = (readers * events) as u32;
    Cost { cpu: took / deliveries, bytes: report.bytes / u64::from(deliveries) }
}
