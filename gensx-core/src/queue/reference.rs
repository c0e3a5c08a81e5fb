//! What a queue must answer, as naively as can be: a map that is looked through at each question. For the tests
//! of queues.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Claim, Due, Enqueue, Enqueued, Grant, Lease, Limit, MovePolicy, Release, Released, Removed, Renewed,
    Wake, millis,
};
use crate::RunId;

/// Numbers from a seed, the same on every machine (splitmix64), so that a failure can be repeated.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }
}

/// A run that is due now or at `later`, without limits or with those of its group: a key of it, and the whole.
pub(crate) fn random_entry(dice: &mut Dice, run: RunId, workflow: &str, later: Due) -> Enqueue {
    let limit = |name: &str, key: &str, max| Limit { name: name.into(), key: key.into(), max };
    let key = ["x", "y", "z"][dice.roll(3)];
    let limits = match dice.roll(3) {
        0 => Vec::new(),
        1 => vec![limit("single", key, 2)],
        _ => vec![limit("double", "", 3), limit("double", key, 2)],
    };
    let due = if dice.roll(5) == 0 { later } else { Due::Now };
    Enqueue { priority: dice.roll(3) as i8 - 1, due, limits, ..Enqueue::new(run, workflow) }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Stand {
    Ready,
    Delayed(u64),
    Parked(Option<u64>, bool),
    Leased(Lease, u64),
    Dead,
}

#[derive(Debug)]
struct Known {
    stand: Stand,
    priority: i8,
    limits: Vec<Limit>,
    bound: Option<Arc<str>>,
    claims: u32,
    wakes: u64,
    urgent: u64,
}

/// Every run, as it should stand.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    runs: BTreeMap<RunId, Known>,
    /// Whether a deployment's one worker is draining.
    workers: BTreeMap<Arc<str>, bool>,
}

impl Reference {
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunId> {
        self.runs.keys()
    }

    pub(crate) fn enqueue(&mut self, entry: &Enqueue, now_ms: u64) -> Enqueued {
        if self.runs.contains_key(&entry.run) {
            return Enqueued::Known(entry.run.clone());
        }
        let stand = entry.due.later_than(now_ms).map_or(Stand::Ready, Stand::Delayed);
        let (priority, limits) = (entry.priority, entry.limits.clone());
        let known = Known { stand, priority, limits, bound: None, claims: 0, wakes: 0, urgent: 0 };
        self.runs.insert(entry.run.clone(), known);
        Enqueued::Fresh
    }

    pub(crate) fn announce(&mut self, deployment: &str, draining: bool) {
        self.workers.insert(deployment.into(), draining);
    }

    /// Brings back whatever is due; a queue does so in its claims.
    fn elapse(&mut self, now_ms: u64) {
        for known in self.runs.values_mut() {
            let due = match known.stand {
                Stand::Delayed(due) | Stand::Parked(Some(due), _) | Stand::Leased(_, due) => due <= now_ms,
                _ => false,
            };
            if due {
                known.stand = Stand::Ready;
            }
        }
    }

    fn held(&mut self, lease: &Lease) -> Option<&mut Known> {
        let known = self.runs.get_mut(&lease.run)?;
        matches!(&known.stand, Stand::Leased(held, _) if held == lease).then_some(known)
    }

    pub(crate) fn renew(&mut self, lease: &Lease, until_ms: u64, progressed: bool) -> Renewed {
        match self.held(lease) {
            Some(known) => {
                known.stand = Stand::Leased(lease.clone(), until_ms);
                if progressed {
                    known.claims = 1;
                }
                Renewed::Kept { wakes: known.wakes }
            }
            None => Renewed::Lost,
        }
    }

    pub(crate) fn release(&mut self, lease: &Lease, how: &Release, now_ms: u64) -> Released {
        let Some(known) = self.held(lease) else { return Released::Lost };
        let later = |due: &Due| due.later_than(now_ms);
        match how {
            Release::Done => drop(self.runs.remove(&lease.run)),
            Release::Back => (known.stand, known.claims) = (Stand::Ready, known.claims - 1),
            Release::Retry(due) => known.stand = later(due).map_or(Stand::Ready, Stand::Delayed),
            Release::Dead => known.stand = Stand::Dead,
            Release::Park(park) => {
                known.claims = 0;
                let missed =
                    known.urgent > park.seen_wakes || park.on_message && known.wakes > park.seen_wakes;
                let due = park.due.as_ref().map(later);
                known.stand = match due {
                    Some(None) => Stand::Ready,
                    _ if missed => Stand::Ready,
                    due => Stand::Parked(due.flatten(), park.on_message),
                };
                return if missed { Released::Woken } else { Released::Released };
            }
        }
        Released::Released
    }

    pub(crate) fn wake(&mut self, run: &RunId, why: Wake) -> bool {
        let Some(known) = self.runs.get_mut(run).filter(|known| known.stand != Stand::Dead) else {
            return false;
        };
        known.wakes += 1;
        let now = why == Wake::Now;
        if now {
            known.urgent = known.wakes;
        }
        match known.stand {
            Stand::Parked(_, on_message) if on_message || now => known.stand = Stand::Ready,
            Stand::Delayed(_) if now => known.stand = Stand::Ready,
            _ => {}
        }
        true
    }

    pub(crate) fn remove(&mut self, run: &RunId) -> Removed {
        match self.runs.get(run).map(|known| &known.stand) {
            None => Removed::Unknown,
            Some(Stand::Leased(..)) => Removed::Leased,
            Some(_) => {
                self.runs.remove(run);
                Removed::Removed
            }
        }
    }

    /// Runs that are ready or held, delayed, parked, leased, dead.
    pub(crate) fn totals(&self) -> [u64; 5] {
        let mut totals = [0; 5];
        for known in self.runs.values() {
            let at = match known.stand {
                Stand::Ready => 0,
                Stand::Delayed(_) => 1,
                Stand::Parked(..) => 2,
                Stand::Leased(..) => 3,
                Stand::Dead => 4,
            };
            totals[at] += 1;
        }
        totals
    }

    fn has_room(&self, known: &Known) -> bool {
        known.limits.iter().all(|limit| {
            let same = |other: &&Limit| other.name == limit.name && other.key == limit.key;
            let leased = |other: &&Known| matches!(other.stand, Stand::Leased(..));
            let active =
                self.runs.values().filter(leased).filter(|other| other.limits.iter().any(|l| same(&l)));
            active.count() < limit.max as usize
        })
    }

    fn is_for(&self, known: &Known, ask: &Claim) -> bool {
        let policy = ask.workflows.first().map(|wanted| wanted.policy).unwrap_or_default();
        known.bound.as_ref().is_none_or(|bound| {
            let lives = self.workers.get(bound) == Some(&false);
            *bound == ask.worker.deployment || policy == MovePolicy::Prefer && !lives
        })
    }

    /// The ready runs that a claim could give, were it for one run.
    fn candidates(&self, ask: &Claim) -> impl Iterator<Item = (&RunId, &Known)> {
        let ready = |known: &Known| known.stand == Stand::Ready;
        self.runs
            .iter()
            .filter(move |(_, known)| ready(known) && self.is_for(known, ask) && self.has_room(known))
    }
}

/// Whether a claim gave what it should: nothing that it must not, nothing of a lower priority than what it left, and as
/// much as it could. Then the reference has given the same.
///
/// # Panics
/// If not.
pub(crate) fn check_claim(reference: &mut Reference, ask: &Claim, grants: &[Grant], now_ms: u64, at: &str) {
    reference.elapse(now_ms);
    let until_ms = now_ms.saturating_add(millis(ask.lease));
    assert!(grants.len() <= ask.max_runs, "{at}: {grants:?}");
    for grant in grants {
        let run = &grant.lease.run;
        let best = reference.candidates(ask).map(|(_, known)| known.priority).max();
        let given = reference.candidates(ask).find(|(candidate, _)| *candidate == run);
        let Some((_, known)) = given else { panic!("{at}: {run} was not to be given to {ask:?}") };
        assert_eq!(Some(known.priority), best, "{at}: {run} went before one of a higher priority");
        let Some(known) = reference.runs.get_mut(run) else { continue };
        let exhausted = known.claims >= ask.max_claims;
        known.claims += 1;
        known.stand = Stand::Leased(grant.lease.clone(), until_ms);
        let moved = known.bound.replace(Arc::clone(&ask.worker.deployment));
        let moved = moved.filter(|from| *from != ask.worker.deployment);
        let told = (grant.claims, grant.exhausted, grant.wakes, &grant.moved_from);
        assert_eq!(told, (known.claims, exhausted, known.wakes, &moved), "{at}: {run}");
    }
    let left: Vec<_> = reference.candidates(ask).map(|(run, _)| run).collect();
    assert!(grants.len() == ask.max_runs || left.is_empty(), "{at}: {left:?} were left");
}
