//! The maps against the naive reference, in a time of their own.

use std::time::Duration;

use super::state::State;
use crate::{
    RunId,
    queue::{
        Announce, Claim, Due, Lease, MovePolicy, Park, Release, Renewal, Wake, Wanted, Worker, WorkerId,
        reference::{Dice, Reference, check_claim, random_entry},
    },
};

const STEPS: usize = 3_000;
const SEEDS: u64 = 40;
const LEASE_MS: u64 = 50;

fn worker(deployment: usize) -> Worker {
    let name = ["blue", "green"][deployment];
    Worker { id: WorkerId::from_text(name), deployment: name.into() }
}

/// A queue, what it should be, and the leases that were ever given.
struct Pair {
    dice: Dice,
    state: State,
    reference: Reference,
    leases: Vec<Lease>,
    now_ms: u64,
}

impl Pair {
    fn any_lease(&mut self) -> Option<Lease> {
        // Mostly one that may still be held.
        let recent = self.leases.len().min(12);
        (recent > 0).then(|| self.leases[self.leases.len() - 1 - self.dice.roll(recent)].clone())
    }

    fn due(&mut self) -> Due {
        match self.dice.roll(3) {
            0 => Due::Now,
            1 => Due::After(Duration::from_millis(self.dice.roll(80) as u64)),
            _ => Due::AtMs(self.now_ms + self.dice.roll(80) as u64),
        }
    }

    fn way(&mut self) -> Release {
        let (seen_wakes, on_message) = (self.dice.roll(4) as u64, self.dice.roll(2) == 0);
        match self.dice.roll(8) {
            0 | 1 => Release::Done,
            2 => Release::Back,
            3 => Release::Retry(self.due()),
            4 => Release::Dead,
            5 => Release::Park(Park::for_message(seen_wakes)),
            _ => Release::Park(Park { due: Some(self.due()), on_message, seen_wakes }),
        }
    }

    fn claim(&mut self, at: &str) {
        let policy = [MovePolicy::Prefer, MovePolicy::Pin][self.dice.roll(2)];
        let ask = Claim {
            worker: worker(self.dice.roll(2)),
            workflows: vec![Wanted { workflow: "digest".into(), policy }],
            max_runs: self.dice.roll(4),
            lease: Duration::from_millis(LEASE_MS),
            max_claims: 3,
        };
        let claimed = self.state.claim(&ask, self.now_ms);
        check_claim(&mut self.reference, &ask, &claimed.grants, self.now_ms, at);
        self.leases.extend(claimed.grants.into_iter().map(|grant| grant.lease));
    }

    fn step(&mut self, at: &str) {
        let run: RunId = format!("run-{}", self.dice.roll(30)).parse().unwrap();
        let now_ms = self.now_ms;
        match self.dice.roll(20) {
            0..=4 => {
                let later = self.due();
                let entry = random_entry(&mut self.dice, run, "digest", later);
                let fresh = self.reference.enqueue(&entry, now_ms);
                assert_eq!(self.state.enqueue(&entry, now_ms), Ok(fresh), "{at}");
            }
            5..=9 => self.claim(at),
            10..=12 => {
                let Some(lease) = self.any_lease() else { return };
                let how = self.way();
                let released = self.state.release(&lease, &how, true, now_ms);
                assert_eq!(released, self.reference.release(&lease, &how, now_ms), "{at}: {how:?}");
            }
            13 | 14 => {
                let Some(lease) = self.any_lease() else { return };
                let renewal = Renewal { lease: lease.clone(), opened: true, progressed: false };
                let renewed = self.state.renew(&renewal, now_ms + LEASE_MS, now_ms);
                assert_eq!(renewed, self.reference.renew(&lease, now_ms + LEASE_MS, false), "{at}");
            }
            15 | 16 => {
                let why = [Wake::Message, Wake::Now][self.dice.roll(2)];
                assert_eq!(self.state.wake(&run, why, now_ms), self.reference.wake(&run, why), "{at}");
            }
            17 => {
                let (worker, draining) = (worker(self.dice.roll(2)), self.dice.roll(2) == 0);
                self.reference.announce(&worker.deployment, draining);
                let ttl = Duration::from_secs(3_600);
                self.state.fleet.announce(&Announce { worker, draining, ttl }, now_ms);
            }
            18 => self.now_ms += self.dice.roll(60) as u64,
            _ => assert_eq!(self.state.remove(&run, now_ms), self.reference.remove(&run), "{at}"),
        }
    }

    /// Whatever the maps count and hold twice agrees.
    fn agree(&self, at: &str) {
        let counts = &self.state.counts;
        let totals = [counts.ready, counts.delayed, counts.parked, counts.leased, counts.dead];
        assert_eq!(totals, self.reference.totals(), "{at}");
        assert_eq!(self.state.ready.len() as u64, counts.ready, "{at}");
        let seated: usize = self.state.lanes.values().map(std::collections::BTreeSet::len).sum();
        assert_eq!(seated as u64, counts.seated, "{at}");
    }
}

#[test]
fn random_work_is_answered_like_the_reference() {
    for seed in 0..SEEDS {
        let (state, reference) = (State::default(), Reference::default());
        let mut pair = Pair { dice: Dice(seed), state, reference, leases: Vec::new(), now_ms: 1_000 };
        for step in 0..STEPS {
            let at = format!("seed {seed}, step {step}");
            pair.step(&at);
            pair.agree(&at);
        }
        for run in pair.reference.runs() {
            // What is left has no lease that anybody renews.
            pair.state.wake(run, Wake::Now, pair.now_ms);
        }
        empty(&mut pair.state, pair.now_ms + 10_000_000);
    }
}

/// Nothing is left in a line, under a limit, or on the agenda when everything has ended.
fn empty(state: &mut State, now_ms: u64) {
    let ask = Claim {
        worker: worker(0),
        workflows: vec![Wanted { workflow: "digest".into(), policy: MovePolicy::Prefer }],
        max_runs: 64,
        lease: Duration::from_millis(LEASE_MS),
        max_claims: 3,
    };
    for _ in 0..100 {
        for grant in state.claim(&ask, now_ms).grants {
            state.release(&grant.lease, &Release::Done, true, now_ms);
        }
    }
    for dead in state.dead(None, 99) {
        state.remove(&dead.run, now_ms);
    }
    assert!(state.runs.is_empty(), "{:?}", state.runs);
    assert!(state.lanes.is_empty() && state.gates.is_empty(), "{:?}", state.gates);
    assert!(state.active.is_empty() && state.agenda.is_empty() && state.ready.is_empty());
    assert!(state.fleet.list(now_ms).is_empty());
}
