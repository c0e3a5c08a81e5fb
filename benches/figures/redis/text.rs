//! Streamed text: how much of it, and how soon a reader has the first of it.

use std::{sync::Arc, time::Instant};

use gensx::{EventKind, Runtime, component};

use super::{Bench, sink};
use crate::measure::{Row, median, micros, one_worker, ratio, wall};

const ROUNDS: usize = 21;
const DELTAS: u32 = 20_000;
/// Awaited additions of one round: each takes as long as the first.
const ADDITIONS: u32 = 500;
const DELTA: &str = "a word ";

#[component]
async fn streams(deltas: u32) -> gensx::Result<()> {
    for _ in 0..deltas {
        gensx::emit_text("draft", DELTA);
    }
    Ok(())
}

#[component]
async fn says_one_word(_: u32) -> gensx::Result<()> {
    gensx::input::<()>("speak", None).await?;
    *SPOKE.lock().unwrap() = Some(Instant::now());
    gensx::emit_text("draft", DELTA);
    gensx::input::<()>("end", None).await
}

static SPOKE: std::sync::Mutex<Option<Instant>> = std::sync::Mutex::new(None);

/// Deltas until their run has ended, and the first one until another process's reader has it.
pub fn text() -> Vec<Row> {
    one_worker().block_on(async {
        let bench = Bench::start().await;
        let far = sink(&bench.server).await;
        let runtime = Runtime::builder().shared_sink(Arc::clone(&bench.sink)).build();
        let reading = Runtime::builder().shared_sink(far).build();
        let (mut deltas, mut adds, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            deltas.push(wall(runtime.run(&streams, DELTAS)).await.0 / DELTAS);
            let adding = async {
                for _ in 0..ADDITIONS {
                    bench.plain.add("plain", DELTA.as_bytes()).await;
                }
            };
            adds.push(wall(adding).await.0 / ADDITIONS);
            firsts.push(first(&runtime, &reading, round as u32).await);
        }
        let add = micros(median(adds.clone()));
        let per_second = |each: &[std::time::Duration]| 1.0 / median(each.to_vec()).as_secs_f64();
        vec![
            Row {
                what: "text deltas, Redis".to_owned(),
                gensx: format!("{:.0} a second", per_second(&deltas)),
                baseline: format!("{:.0} a second (an awaited `XADD` each)", per_second(&adds)),
                answer: format!("{:.0} times as many", ratio(&adds, &deltas)),
                goal: "reported",
            },
            Row {
                what: "the first text delta until another process's reader has it, Redis".to_owned(),
                gensx: micros(median(firsts.clone())),
                baseline: format!("{add} (an awaited `XADD`)"),
                answer: format!("{:.1} times", ratio(&firsts, &adds)),
                goal: "reported",
            },
        ]
    })
}

/// From the delta being said to another sink's reader having it, in a run that does nothing else.
async fn first(runtime: &Runtime, reading: &Runtime, round: u32) -> std::time::Duration {
    let run = runtime.start(&says_one_word, round).await.unwrap();
    let mut events = reading.attach::<()>(run.id()).await.unwrap().events();
    let mut until = async |wanted: fn(&EventKind) -> bool| {
        while !wanted(&events.next().await.unwrap().unwrap().kind) {}
        Instant::now()
    };
    until(|kind| matches!(kind, EventKind::InputRequested { .. })).await;
    runtime.send(run.id(), "speak", &(), None).await.unwrap();
    let seen = until(|kind| matches!(kind, EventKind::Text { .. })).await;
    runtime.send(run.id(), "end", &(), None).await.unwrap();
    run.output().await.unwrap();
    let spoke = SPOKE.lock().unwrap().take().unwrap();
    seen.duration_since(spoke)
}
