//! A strict chain: each step waits until its outcome is in the stream.

use gensx::Runtime;

use super::Bench;
use crate::{
    chain::{STEPS, bytes_per_step, chain},
    measure::{Row, median, micros, one_worker, ratio, wall},
};

const ROUNDS: usize = 41;

/// A strict step against one awaited `XADD` of as many bytes.
pub fn strict() -> Vec<Row> {
    let (mut steps, mut adds) = (Vec::new(), Vec::new());
    one_worker().block_on(async {
        let bench = Bench::start().await;
        let runtime = Runtime::builder().shared_sink(bench.sink).build();
        let payload = vec![b'x'; bytes_per_step(&runtime).await];
        let plain = std::sync::Arc::new(bench.plain);
        for _ in 0..ROUNDS {
            let (plain, payload) = (std::sync::Arc::clone(&plain), payload.clone());
            let adding = tokio::spawn(async move {
                for _ in 0..STEPS {
                    plain.add("plain", &payload).await;
                }
            });
            adds.push(wall(adding).await.0 / STEPS);
            steps.push(wall(runtime.run(&chain, STEPS)).await.0 / STEPS);
        }
    });
    vec![Row {
        what: "a strict step, Redis".to_owned(),
        gensx: micros(median(steps.clone())),
        baseline: format!("{} (an awaited `XADD` of as many bytes)", micros(median(adds.clone()))),
        answer: format!("{:.2} times", ratio(&steps, &adds)),
        goal: "at most 1.4 times",
    }]
}
