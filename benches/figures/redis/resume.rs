//! Going on with a long run, against reading its stream with a plain client.

use std::time::Duration;

use super::Bench;
use crate::{
    measure::{Row, median, millis, one_worker, ratio, wall},
    resume::{CALLS, go_on, leave_a_long_run, read_events},
};

const ROUNDS: usize = 7;

/// Resume against reading the stream.
pub fn resume() -> Vec<Row> {
    let (mut resumes, mut reads, mut decoded) = (Vec::new(), Vec::new(), Vec::new());
    one_worker().block_on(async {
        let Bench { server: _server, sink, plain } = Bench::start().await;
        let id = leave_a_long_run(&sink).await;
        let key = format!("gensx:{{{id}}}:ev");
        for _ in 0..ROUNDS {
            reads.push(wall(plain.read(&key)).await.0);
            decoded.push(wall(read_events(&sink, &id)).await.0);
            let (took, runtime) = wall(go_on(&sink, &id)).await;
            resumes.push(took);
            runtime.drain().await;
        }
    });
    let row = |baseline: &[Duration], how: &str, goal| Row {
        what: format!("resume of a run of {} events, Redis", 2 * CALLS),
        gensx: millis(median(resumes.clone())),
        baseline: format!("{} (its stream, {how})", millis(median(baseline.to_vec()))),
        answer: format!("{:.2} times", ratio(&resumes, baseline)),
        goal,
    };
    vec![row(&reads, "by `XRANGE` in pages", "at most 2 times"), row(&decoded, "as events", "reported")]
}
