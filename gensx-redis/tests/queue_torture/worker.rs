//! A worker that does at random what workers do.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use gensx_core::{
    RunQueue as _,
    queue::{Announce, Claim, Due, Grant, Park, QueueError, QueueErrorKind, Release, Renewal, Renewed, Wake},
};
use gensx_redis::RedisQueue;

use crate::{
    RUNS,
    events::run_id,
    oracle::{Oracle, Standing},
    work,
};

/// Long enough for a request that is tried again, short enough to see some end.
const LEASE: Duration = Duration::from_millis(1_500);
/// The longest that a worker waits before it claims again: a doorbell is a hint.
const WAIT: Duration = Duration::from_millis(200);

pub(crate) struct Worker {
    queue: RedisQueue,
    oracle: Arc<Oracle>,
    ask: Claim,
    dice: fastrand::Rng,
    holds: Vec<Grant>,
}

impl Worker {
    pub(crate) fn new(name: usize, queue: RedisQueue, oracle: Arc<Oracle>, seed: u64) -> Self {
        let dice = fastrand::Rng::with_seed(seed ^ (name as u64) << 32);
        let mut ask = work::ask(4, LEASE);
        ask.worker.deployment = ["blue", "green"][name % 2].into();
        Self { queue, oracle, ask, dice, holds: Vec::new() }
    }

    /// Until all runs have ended and nothing is left to be given.
    pub(crate) async fn work(&mut self) {
        loop {
            match self.dice.u8(..10) {
                0 => self.announce(false).await,
                1 => self.renew().await,
                2 => self.wake_any().await,
                _ if self.holds.len() < 6 => self.claim().await,
                _ => self.release_any().await,
            }
            if self.holds.len() > 2 || self.dice.bool() {
                self.release_any().await;
            }
            if self.holds.is_empty() && self.oracle.done() == RUNS && self.is_empty().await {
                break;
            }
        }
        self.announce(true).await;
    }

    /// What a worker is answered; `None` for a failure, which must be one that passes.
    fn heard<T>(&self, answer: Result<T, QueueError>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.oracle.answered();
                Some(answer)
            }
            Err(error) => {
                assert_eq!(error.kind(), QueueErrorKind::Unavailable, "{error}: {error:?}");
                self.oracle.errors.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    async fn is_empty(&self) -> bool {
        // A claim brings back the leases that ended.
        let claimed = self.queue.claim(&Claim { max_runs: 0, ..self.ask.clone() }).await;
        let stats = self.queue.stats().await;
        let (Some(_), Some(stats)) = (self.heard(claimed), self.heard(stats)) else { return false };
        stats.ready + stats.held + stats.delayed + stats.parked + stats.leased + stats.dead == 0
    }

    async fn announce(&mut self, leaves: bool) {
        let ttl = if leaves { Duration::ZERO } else { Duration::from_secs(5) };
        let says = Announce { worker: self.ask.worker.clone(), draining: false, ttl };
        while self.heard(self.queue.announce(&says).await).is_none() && leaves {}
    }

    async fn claim(&mut self) {
        let asked = Instant::now();
        let Some(claimed) = self.heard(self.queue.claim(&self.ask).await) else { return };
        if claimed.grants.is_empty() && self.holds.is_empty() {
            let wait = claimed.next_due.map_or(WAIT, |due| due.min(WAIT));
            let _ = tokio::time::timeout(wait, self.queue.wait(&self.ask, claimed.cursor)).await;
        }
        for grant in claimed.grants {
            match self.oracle.granted(&grant, asked, LEASE) {
                Standing::Open => self.holds.push(grant),
                // As whoever reads its stream finds.
                Standing::Ended => self.release(grant, Release::Done).await,
                Standing::Late => {}
            }
        }
    }

    async fn renew(&mut self) {
        let renewals: Vec<Renewal> = self
            .holds
            .iter()
            .map(|grant| Renewal { lease: grant.lease.clone(), opened: false, progressed: false })
            .collect();
        let asked = Instant::now();
        let Some(answers) = self.heard(self.queue.renew(&renewals, LEASE).await) else { return };
        for (renewal, answer) in renewals.iter().zip(&answers) {
            match answer {
                Renewed::Kept { .. } => self.oracle.renewed(&renewal.lease, asked, LEASE),
                Renewed::Lost => self.holds.retain(|grant| grant.lease != renewal.lease),
            }
        }
    }

    async fn wake_any(&self) {
        let run = run_id(&format!("run-{}", self.dice.clone().usize(..RUNS)));
        let why = if self.dice.clone().bool() { Wake::Now } else { Wake::Message };
        self.heard(self.queue.wake(&run, why).await);
    }

    async fn release_any(&mut self) {
        if self.holds.is_empty() {
            return;
        }
        let grant = self.holds.swap_remove(self.dice.usize(..self.holds.len()));
        let soon = Due::After(Duration::from_millis(self.dice.u64(..40)));
        let how = match self.dice.u8(..12) {
            0 => Release::Back,
            1 => Release::Retry(soon),
            2 => Release::Park(Park { due: Some(soon), on_message: true, seen_wakes: grant.wakes }),
            3 => Release::Park(Park::until(soon, grant.wakes)),
            // It dies with the run: others get it when the lease is over.
            4 if self.dice.u8(..4) == 0 => return,
            _ => Release::Done,
        };
        self.release(grant, how).await;
    }

    async fn release(&mut self, grant: Grant, how: Release) {
        let as_done = how == Release::Done;
        self.oracle.lets_go(&grant.lease, as_done);
        if let Some(answer) = self.heard(self.queue.release(&grant.lease, &how, false).await) {
            self.oracle.released(&grant.lease, answer, as_done);
        }
    }
}
