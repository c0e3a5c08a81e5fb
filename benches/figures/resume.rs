//! Going on with a long run, against reading its stream.

use std::{sync::Arc, time::Duration};

use gensx::{Durability, EventKind, EventSink, RunId, Runtime, component, sink::MAX_PAGE};

use crate::measure::{Row, Store, median, millis, one_worker, ratio, wall};

const ROUNDS: usize = 7;
/// Each makes two events.
pub const CALLS: u32 = 50_000;

#[component]
async fn step(n: u32) -> gensx::Result<u32> {
    Ok(n)
}

/// Many calls, then a wait: a run to be gone on with.
#[component]
async fn long(count: u32) -> gensx::Result<u32> {
    for n in 0..count {
        step(n).await?;
    }
    REACHED.notify_one();
    gensx::input::<u32>("more", None).await
}

static REACHED: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// Resume against reading the stream, on each store.
pub fn resume() -> Vec<Row> {
    Store::BOTH.into_iter().flat_map(resume_on).collect()
}

fn resume_on(store: Store) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let (mut resumes, mut reads, mut decoded) = (Vec::new(), Vec::new(), Vec::new());
    one_worker().block_on(async {
        let sink = store.open(folder.path()).await;
        let id = leave_a_long_run(&sink).await;
        for _ in 0..ROUNDS {
            reads.push(wall(read_raw(&sink, &id)).await.0);
            decoded.push(wall(read_events(&sink, &id)).await.0);
            let (took, runtime) = wall(go_on(&sink, &id)).await;
            resumes.push(took);
            runtime.drain().await;
        }
    });
    let row = |baseline: &[Duration], how: &str, goal| Row {
        what: format!("resume of a run of {} events, {}", 2 * CALLS, store.name()),
        gensx: millis(median(resumes.clone())),
        baseline: format!("{} (its stream, {how})", millis(median(baseline.to_vec()))),
        answer: format!("{:.2} times", ratio(&resumes, baseline)),
        goal,
    };
    vec![row(&reads, "raw, in pages", "at most 2 times"), row(&decoded, "as events", "reported")]
}

fn runtime(sink: &Arc<dyn EventSink>) -> Runtime {
    Runtime::builder().shared_sink(Arc::clone(sink)).durability(Durability::Pipelined).build()
}

pub async fn leave_a_long_run(sink: &Arc<dyn EventSink>) -> RunId {
    let runtime = runtime(sink);
    let run = runtime.start(&long, CALLS).await.unwrap();
    let mut events = run.events();
    while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::InputRequested { .. }) {}
    REACHED.notified().await;
    runtime.drain().await;
    run.id().clone()
}

/// Until the program has been given every recorded outcome and stands where it stood.
pub async fn go_on(sink: &Arc<dyn EventSink>, id: &RunId) -> Runtime {
    let runtime = runtime(sink);
    runtime.resume(&long, id).await.unwrap();
    REACHED.notified().await;
    runtime
}

async fn read_raw(sink: &Arc<dyn EventSink>, id: &RunId) -> usize {
    let (mut after, mut bytes) = (0, 0);
    loop {
        let page = sink.read(id, after, MAX_PAGE).await.unwrap();
        let Some(last) = page.last() else { return bytes };
        after = last.id.seq;
        bytes += page.iter().map(|entry| entry.payload.len()).sum::<usize>();
    }
}

/// As a reader gets it, to where the run waits.
pub async fn read_events(sink: &Arc<dyn EventSink>, id: &RunId) {
    let mut events = gensx::sink::events(Arc::clone(sink), id.clone(), None);
    while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::InputRequested { .. }) {}
}
