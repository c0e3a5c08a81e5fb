//! A claim: bring back what is due, then take the first of the lanes in turns.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gensx_core::{
    lease::{self, Bid, Deal},
    queue::{Claim, Claimed, Grant, Lease, MAX_CLAIM, MAX_DEPLOYMENTS, MAX_DUE_PER_CALL, Wanted, millis},
};
use rusqlite::{OptionalExtension as _, Row, params};

use super::{record::Record, step::Step};
use crate::{error::Failure, read, sql::queue as sql};

/// Workflows whose turns are remembered; with more, all begin anew.
const MAX_TURNS: usize = 1_024;

/// When each workflow was last given out, by the numbers of the leases. Each process takes turns by itself: then all of them
/// together do, and nothing of it need be in the file.
#[derive(Default, Debug)]
pub(crate) struct Turns(Mutex<BTreeMap<Arc<str>, u64>>);

impl Turns {
    fn last(&self, workflow: &str) -> u64 {
        let turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.get(workflow).copied().unwrap_or_default()
    }

    fn took(&self, workflow: &Arc<str>, number: u64) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= MAX_TURNS && !turns.contains_key(workflow) {
            turns.clear();
        }
        turns.insert(Arc::clone(workflow), number);
    }
}

/// A claim gives no more runs after this many bytes of first events: they are held in memory.
const CLAIM_BYTES: usize = 8 << 20;

/// The run that stands first in a lane: its rank, its spot, its key.
type First = (i64, i64, i64);

/// A lane that the worker may take from.
struct Lane {
    workflow: Arc<str>,
    bound: String,
    first: Option<First>,
}

fn first(row: &Row<'_>, from: usize) -> rusqlite::Result<First> {
    Ok((row.get(from)?, row.get(from + 1)?, row.get(from + 2)?))
}

impl Step<'_> {
    pub(super) fn claim(&mut self, ask: &Claim, turns: &Turns) -> Result<Claimed, Failure> {
        self.bring_back()?;
        self.forget_silent()?;
        self.forget_keys()?;
        let most = ask.max_runs.min(MAX_CLAIM);
        let mut lanes = if most == 0 { Vec::new() } else { self.lanes(ask)? };
        let (mut grants, mut bytes, mut passed_over) = (Vec::new(), 0, 0);
        let is_enough = |bytes, passed_over| bytes >= CLAIM_BYTES || passed_over >= MAX_CLAIM;
        while grants.len() < most && !is_enough(bytes, passed_over) {
            let heads = lanes.iter_mut().filter_map(|lane| {
                let (rank, spot, run) = lane.first?;
                Some(((rank, turns.last(&lane.workflow), spot), run, lane))
            });
            let Some((_, run, lane)) = heads.min_by_key(|(order, ..)| *order) else { break };
            match self.take(run, ask)? {
                Some(grant) => {
                    bytes += grant.first.as_ref().map_or(0, |first| first.len());
                    turns.took(&grant.workflow, grant.lease.number);
                    grants.push(grant);
                }
                None => passed_over += 1,
            }
            // What became of the run changed its own lane, and no other.
            lane.first = self.front(lane)?;
        }
        let next_due = if is_enough(bytes, passed_over) { Some(Duration::ZERO) } else { self.next_due()? };
        Ok(Claimed { grants, next_due, cursor: self.counters.cursor })
    }

    /// Makes ready what is due, and takes back what nobody renewed, as much as one call may.
    fn bring_back(&mut self) -> Result<(), Failure> {
        let now_ms = self.now_ms;
        let asked = [read::position(now_ms), read::position(MAX_DUE_PER_CALL as u64)];
        let mut statement = self.file.prepare_cached(sql::DUE)?;
        let due: Vec<i64> = statement.query_map(asked, |row| row.get(0))?.collect::<Result<_, _>>()?;
        for run in due {
            if let Some(mut record) = self.whole(run)? {
                self.change(&mut record, |ticket| {
                    lease::expire(ticket, now_ms) || lease::promote(ticket, now_ms)
                })?;
            }
        }
        Ok(())
    }

    /// In how long something is due: zero if there was more than one call brings back.
    fn next_due(&self) -> Result<Option<Duration>, Failure> {
        let due_ms = self.first_due()?;
        Ok(due_ms.map(|due_ms| Duration::from_millis(due_ms.saturating_sub(self.now_ms))))
    }

    /// The time of what is due next, of whatever kind.
    pub(super) fn first_due(&self) -> Result<Option<u64>, Failure> {
        let mut statement = self.file.prepare_cached(sql::NEXT_DUE)?;
        let due_ms: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?;
        due_ms.map(read::number).transpose()
    }

    fn lanes(&mut self, ask: &Claim) -> Result<Vec<Lane>, Failure> {
        let mut lanes = Vec::new();
        for wanted in &ask.workflows {
            self.add_lanes(&ask.worker.deployment, wanted, &mut lanes)?;
        }
        Ok(lanes)
    }

    /// Adds the lanes of a workflow that the worker may take from. Each is found by one step on the index, however many
    /// runs stand in it.
    fn add_lanes(&mut self, deployment: &str, wanted: &Wanted, lanes: &mut Vec<Lane>) -> Result<(), Failure> {
        let Wanted { workflow, policy } = wanted;
        if !self.takes_any(deployment, *policy)? {
            return Ok(());
        }
        let mut statement = self.file.prepare_cached(sql::NEXT_LANE)?;
        let (others, mut from) = (lanes.len(), String::new());
        for _ in 0..=MAX_DEPLOYMENTS {
            let asked = params![&**workflow, from];
            let next = statement.query_row(asked, |row| Ok((row.get::<_, String>(0), first(row, 1)?)));
            let Some((bound, first)) = next.optional()? else { break };
            let Ok(bound) = bound else {
                // Not a name: the run is damaged. Those that it held up may stand in lanes that were looked at.
                self.set_aside(first.2)?;
                lanes.truncate(others);
                from.clear();
                continue;
            };
            // What follows a name directly: none has control characters.
            from = format!("{bound}\u{1}");
            if self.takes(deployment, *policy, &bound)? {
                lanes.push(Lane { workflow: Arc::clone(workflow), bound, first: Some(first) });
            }
        }
        Ok(())
    }

    fn front(&self, lane: &Lane) -> Result<Option<First>, Failure> {
        let mut statement = self.file.prepare_cached(sql::FRONT)?;
        let asked = params![&*lane.workflow, lane.bound];
        Ok(statement.query_row(asked, |row| first(row, 0)).optional()?)
    }

    /// Gives a run to the worker; not one that turns out to be damaged, or to have no room.
    fn take(&mut self, run: i64, ask: &Claim) -> Result<Option<Grant>, Failure> {
        let Some(mut record) = self.whole(run)? else { return Ok(None) };
        if let Some(gate) = self.full_gate(run)? {
            self.retreat(&gate)?;
            return Ok(None);
        }
        let number = self.tick();
        let lease = Lease { run: record.run.clone(), worker: ask.worker.id.clone(), number };
        let bid = Bid {
            lease: lease.clone(),
            until_ms: self.now_ms.saturating_add(millis(ask.lease)),
            max_claims: ask.max_claims,
            deployment: Arc::clone(&ask.worker.deployment),
        };
        let Some(deal) = self.change(&mut record, |ticket| lease::claim(ticket, bid))? else {
            return Ok(None);
        };
        self.grant(record, lease, deal).map(Some)
    }

    fn grant(&self, record: Record, lease: Lease, deal: Deal) -> Result<Grant, Failure> {
        let Deal { claims, exhausted, wakes, moved_from } = deal;
        let mut statement = self.file.prepare_cached(sql::FIRST)?;
        let first = statement.query_row([record.key], |row| Ok(row.get_ref(0)?.as_blob()?.into()));
        let (workflow, first) = (record.workflow, first.optional()?);
        Ok(Grant { lease, workflow, first, claims, exhausted, wakes, moved_from })
    }
}
