//! Queues again what the queue has lost, a page at a time, now and then; on the library's own thread.
//!
//! A fleet of any size asks its store as much as one worker would: each worker throws dice, by its own name, and on the average
//! one of them looks in each interval. So none has to be chosen, and none is missed when it dies.

use std::{pin::pin, time::Duration};

use futures_util::future::select;

use super::{Inner, phase::drains};
use crate::{Client, Result, clock, io, sink::Cursor};

/// Unfinished runs that one round looks at.
const RUNS_PER_ROUND: usize = 200;
/// What is left of a pass is looked at so many times as often as a pass begins.
const ROUNDS_PER_INTERVAL: u32 = 20;

/// Where a worker stands in its passes over the unfinished runs.
#[derive(PartialEq, Eq, Debug)]
struct Passes {
    worker: String,
    every: Duration,
    /// Throws of the dice by now.
    throws: u64,
    /// Where this pass came to; `None`: the next one begins.
    after: Option<Cursor>,
}

impl Passes {
    fn new(worker: &str, every: Duration) -> Self {
        Self { worker: worker.to_owned(), every, throws: 0, after: None }
    }

    /// A number from 0 to 1, without 1, another one each time: by the worker's name, so that no two do the same.
    fn throw(&mut self) -> f64 {
        self.throws += 1;
        let hash = blake3::hash(format!("{} heals {}", self.worker, self.throws).as_bytes());
        let [a, b, c, d, ..] = *hash.as_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }

    /// The wait before the next round may begin: from half the interval to one and a half.
    fn wait(&mut self) -> Duration {
        let interval = if self.after.is_some() { self.every / ROUNDS_PER_INTERVAL } else { self.every };
        interval.mul_f64(0.5 + self.throw())
    }

    /// Whether this worker is the one, of so many, that looks now.
    fn is_its_turn(&mut self, workers: u64) -> bool {
        // Exact for any number of workers that there may be.
        #[expect(clippy::cast_precision_loss, reason = "a chance need not be exact")]
        let workers = workers.max(1) as f64;
        self.throw() * workers < 1.0
    }

    /// Goes on from where a round came to; `None` is the end of the pass.
    fn go_on(&mut self, reached: Option<Cursor>) {
        self.after = reached;
    }
}

/// Begins to heal, until the worker drains.
pub(super) fn begin(inner: &Inner) {
    let Some(every) = inner.options.heal_every else { return };
    let (client, phases) = (Client::new(inner.backend.clone()), inner.life.watch());
    let passes = Passes::new(inner.identity.id.as_str(), every);
    io::spawn(async move {
        let _ = select(pin!(heal(client, passes)), pin!(drains(phases))).await;
    });
}

async fn heal(client: Client, mut passes: Passes) {
    loop {
        clock::sleep(passes.wait()).await;
        if let Err(error) = round(&client, &mut passes).await {
            // Then it is tried again from the same place.
            tracing::warn!(
                worker = passes.worker,
                error = format!("{error:#}"),
                "what the queue may have lost cannot be looked for"
            );
        }
    }
}

async fn round(client: &Client, passes: &mut Passes) -> Result<()> {
    let workers = client.deployments().await?.iter().map(|deployment| deployment.workers).sum();
    if !passes.is_its_turn(workers) {
        return Ok(());
    }
    let page = client.heal_page(passes.after.clone(), RUNS_PER_ROUND).await?;
    if page.healed > 0 {
        tracing::warn!(
            worker = passes.worker,
            runs = page.healed,
            "runs that the queue had lost are queued again"
        );
    }
    passes.go_on(page.next);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(60);

    fn passes(n: u32) -> Passes {
        Passes::new(&format!("worker-{n}"), EVERY)
    }

    #[test]
    fn waits_are_spread_around_the_interval_and_differ_by_worker() {
        let waits: Vec<_> = (0..100).map(|n| passes(n).wait()).collect();
        assert!(waits.iter().all(|wait| (EVERY / 2..EVERY * 3 / 2).contains(wait)), "{waits:?}");
        let (first, last) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!(*last - *first > EVERY / 2, "{waits:?}");
        assert_eq!(passes(7).wait(), passes(7).wait());
    }

    #[test]
    fn on_the_average_one_worker_of_a_fleet_looks_in_an_interval() {
        let intervals = 50;
        for workers in [1, 8, 64] {
            let mut fleet: Vec<_> = (0..workers).map(passes).collect();
            let looks: usize = (0..intervals)
                .map(|_| {
                    fleet.iter_mut().filter_map(|one| one.is_its_turn(workers.into()).then_some(())).count()
                })
                .sum();
            assert!((intervals / 2..=intervals * 2).contains(&looks), "{workers} workers look {looks} times");
        }
        // Nobody is announced where the queue has just lost everything.
        assert!(passes(1).is_its_turn(0));
    }

    #[test]
    fn the_rest_of_a_pass_does_not_wait_for_an_interval() {
        let mut passes = passes(1);
        passes.go_on(Some(Cursor::new(200, "run-200".parse().unwrap())));
        assert!(passes.wait() <= EVERY / ROUNDS_PER_INTERVAL * 3 / 2);
        passes.go_on(None);
        assert!(passes.wait() >= EVERY / 2);
    }
}
