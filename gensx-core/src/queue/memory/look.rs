//! What can be seen.

use std::{ops::Bound, time::Duration};

use super::{
    gates::{At, Seat},
    state::{Record, State},
};
use crate::{
    RunId,
    lease::Place,
    queue::{DeadRun, MAX_DEAD_PAGE, QueueState, QueueStats, Queued},
};

impl Record {
    fn state(&self) -> QueueState {
        let held = matches!(self.seat, Some(Seat { at: At::Line(_), .. }));
        match self.ticket.place {
            Place::Ready if held => QueueState::Held,
            Place::Ready => QueueState::Ready,
            Place::Delayed { .. } => QueueState::Delayed,
            Place::Parked { .. } => QueueState::Parked,
            Place::Leased { .. } => QueueState::Leased,
            Place::Dead { .. } => QueueState::Dead,
        }
    }
}

impl State {
    pub(super) fn find(&self, run: &RunId) -> Option<Queued> {
        let record = self.runs.get(run)?;
        let ticket = &record.ticket;
        let worker = match &ticket.place {
            Place::Leased { lease, .. } => Some(lease.worker.clone()),
            _ => None,
        };
        Some(Queued {
            workflow: record.workflow.clone(),
            state: record.state(),
            due_ms: ticket.due_ms(),
            deployment: ticket.bound.clone(),
            worker,
            claims: ticket.claims,
        })
    }

    pub(super) fn stats(&self, now_ms: u64) -> QueueStats {
        let counts = &self.counts;
        let oldest = self.ready.first().map(|(since_ms, _)| now_ms.saturating_sub(*since_ms));
        QueueStats {
            ready: counts.seated,
            held: counts.ready - counts.seated,
            delayed: counts.delayed,
            parked: counts.parked,
            leased: counts.leased,
            dead: counts.dead,
            oldest_ready: oldest.map(Duration::from_millis),
        }
    }

    pub(super) fn dead(&self, after: Option<&RunId>, limit: usize) -> Vec<DeadRun> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.dead.range::<RunId, _>((from, Bound::Unbounded)).take(limit.min(MAX_DEAD_PAGE));
        page.filter_map(|run| {
            let record = self.runs.get(run)?;
            let Place::Dead { since_ms } = record.ticket.place else { return None };
            let workflow = record.workflow.clone();
            Some(DeadRun { run: run.clone(), workflow, claims: record.ticket.claims, since_ms })
        })
        .collect()
    }
}
