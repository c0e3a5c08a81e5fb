//! A claim: bring back what is due, then take the first of the lanes in turns.

use std::{sync::Arc, time::Duration};

use super::{gates::Lane, gates::Spot, state::State};
use crate::{
    RunId,
    lease::{self, Bid, Deal},
    queue::{Claim, Claimed, Grant, Lease, MAX_CLAIM, MAX_DEPLOYMENTS, MAX_DUE_PER_CALL, Wanted, millis},
};

impl State {
    pub(super) fn claim(&mut self, ask: &Claim, now_ms: u64) -> Claimed {
        self.bring_back(now_ms);
        let lanes: Vec<Vec<Lane>> =
            ask.workflows.iter().map(|wanted| self.lanes_of(ask, wanted, now_ms)).collect();
        let most = ask.max_runs.min(MAX_CLAIM);
        let (mut grants, mut passed_over) = (Vec::new(), 0);
        while grants.len() < most && passed_over < MAX_CLAIM {
            let Some(run) = self.next(&lanes) else { break };
            if let Some(gate) = self.full_gate(&run) {
                self.retreat(&run, gate);
                passed_over += 1;
                continue;
            }
            grants.extend(self.grant(&run, ask, now_ms));
        }
        let next_due = self.next_due(now_ms).filter(|_| passed_over < MAX_CLAIM);
        let next_due = next_due.or((passed_over == MAX_CLAIM).then_some(Duration::ZERO));
        Claimed { grants, next_due, cursor: self.cursor }
    }

    /// Makes ready what is due, and takes back what nobody renewed, as much as one call may.
    fn bring_back(&mut self, now_ms: u64) {
        for _ in 0..MAX_DUE_PER_CALL {
            let Some((_, run)) = self.agenda.first().filter(|(due_ms, _)| *due_ms <= now_ms).cloned() else {
                return;
            };
            self.change(&run, now_ms, |ticket| {
                lease::expire(ticket, now_ms) || lease::promote(ticket, now_ms)
            });
        }
    }

    /// In how long something is due: zero if there was more than one call brings back.
    fn next_due(&self, now_ms: u64) -> Option<Duration> {
        let (due_ms, _) = self.agenda.first()?;
        Some(Duration::from_millis(due_ms.saturating_sub(now_ms)))
    }

    /// The lanes of a workflow that the worker may take from.
    fn lanes_of(&self, ask: &Claim, wanted: &Wanted, now_ms: u64) -> Vec<Lane> {
        let first = (Arc::clone(&wanted.workflow), None);
        let lanes = self.lanes.range(first..).map(|(lane, _)| lane);
        let takes =
            |lane: &&Lane| self.fleet.takes(&ask.worker.deployment, wanted.policy, lane.1.as_ref(), now_ms);
        let ours = lanes.take_while(|(workflow, _)| *workflow == wanted.workflow).take(MAX_DEPLOYMENTS + 1);
        ours.filter(takes).cloned().collect()
    }

    /// The run to be given next: by priority, then the workflow that has waited longest, then the place in its lane.
    fn next(&self, lanes: &[Vec<Lane>]) -> Option<RunId> {
        let first = |lane: &Lane| self.lanes.get(lane)?.first();
        let heads = lanes.iter().filter_map(|lanes| {
            let (workflow, _) = lanes.first()?;
            let served = self.served.get(workflow).copied().unwrap_or_default();
            let spot: &Spot = lanes.iter().filter_map(first).min()?;
            Some((spot.0, served, spot.1, &spot.2))
        });
        heads.min().map(|(_, _, _, run)| run.clone())
    }

    fn grant(&mut self, run: &RunId, ask: &Claim, now_ms: u64) -> Option<Grant> {
        let number = self.tick();
        let lease = Lease { run: run.clone(), worker: ask.worker.id.clone(), number };
        let bid = Bid {
            lease: lease.clone(),
            until_ms: now_ms.saturating_add(millis(ask.lease)),
            max_claims: ask.max_claims,
            deployment: Arc::clone(&ask.worker.deployment),
        };
        let Deal { claims, exhausted, wakes, moved_from } =
            self.change(run, now_ms, |ticket| lease::claim(ticket, bid))??;
        let record = self.runs.get(run)?;
        let (workflow, first) = (Arc::clone(&record.workflow), record.first.clone());
        self.served.insert(Arc::clone(&workflow), number);
        Some(Grant { lease, workflow, first, claims, exhausted, wakes, moved_from })
    }
}
