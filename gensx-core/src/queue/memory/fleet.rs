//! Which workers live, and which deployments have workers or runs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::queue::{Announce, Deployment, MovePolicy, WorkerId, millis};

#[derive(Debug, Default)]
pub(super) struct Fleet {
    workers: HashMap<WorkerId, Living>,
    deployments: BTreeMap<Arc<str>, Known>,
    /// Numbers deployments in the order in which they were first seen.
    latest: u64,
}

#[derive(Debug)]
struct Living {
    deployment: Arc<str>,
    draining: bool,
    until_ms: u64,
}

#[derive(Debug)]
struct Known {
    number: u64,
    first_seen_ms: u64,
    runs: u64,
}

impl Fleet {
    pub(super) fn announce(&mut self, announce: &Announce, now_ms: u64) {
        let Announce { worker, draining, ttl } = announce;
        self.workers.remove(&worker.id);
        if !ttl.is_zero() {
            let deployment = Arc::clone(&worker.deployment);
            let until_ms = now_ms.saturating_add(millis(*ttl));
            self.workers.insert(worker.id.clone(), Living { deployment, draining: *draining, until_ms });
            self.know(&worker.deployment, now_ms);
        }
        self.tidy(now_ms);
    }

    /// Forgets who has been silent for too long, and deployments that have nobody and nothing.
    pub(super) fn tidy(&mut self, now_ms: u64) {
        self.workers.retain(|_, living| living.until_ms > now_ms);
        let workers = &self.workers;
        let has_workers = |name: &Arc<str>| workers.values().any(|living| living.deployment == *name);
        self.deployments.retain(|name, known| known.runs > 0 || has_workers(name));
    }

    fn know(&mut self, name: &Arc<str>, now_ms: u64) -> &mut Known {
        self.latest += 1;
        let number = self.latest;
        let fresh = || Known { number, first_seen_ms: now_ms, runs: 0 };
        self.deployments.entry(Arc::clone(name)).or_insert_with(fresh)
    }

    pub(super) fn bind(&mut self, name: &Arc<str>, now_ms: u64) {
        self.know(name, now_ms).runs += 1;
    }

    pub(super) fn unbind(&mut self, name: &Arc<str>) {
        if let Some(known) = self.deployments.get_mut(name) {
            known.runs -= 1;
        }
    }

    /// Whether the runs that are bound to `bound` are for the workers of `deployment` to take.
    pub(super) fn takes(
        &self,
        deployment: &Arc<str>,
        policy: MovePolicy,
        bound: Option<&Arc<str>>,
        now_ms: u64,
    ) -> bool {
        match (policy, bound) {
            (MovePolicy::Latest, _) => self.newest(now_ms) == Some(deployment),
            (_, None) => true,
            (_, Some(bound)) if bound == deployment => true,
            (MovePolicy::Pin, Some(_)) => false,
            (MovePolicy::Prefer, Some(bound)) => self.takers(bound, now_ms) == 0,
        }
    }

    /// The newest deployment with a worker that takes runs.
    fn newest(&self, now_ms: u64) -> Option<&Arc<str>> {
        let living = self.deployments.iter().filter(|(name, _)| self.takers(name, now_ms) > 0);
        living.max_by_key(|(_, known)| known.number).map(|(name, _)| name)
    }

    fn takers(&self, deployment: &Arc<str>, now_ms: u64) -> u64 {
        self.count(deployment, false, now_ms)
    }

    fn count(&self, deployment: &Arc<str>, draining: bool, now_ms: u64) -> u64 {
        let counts = |living: &&Living| {
            living.deployment == *deployment && living.draining == draining && living.until_ms > now_ms
        };
        self.workers.values().filter(counts).count() as u64
    }

    pub(super) fn list(&self, now_ms: u64) -> Vec<Deployment> {
        let mut all: Vec<_> = self.deployments.iter().collect();
        all.sort_by_key(|(_, known)| known.number);
        let told = |(name, known): (&Arc<str>, &Known)| Deployment {
            name: Arc::clone(name),
            first_seen_ms: known.first_seen_ms,
            workers: self.count(name, false, now_ms),
            draining: self.count(name, true, now_ms),
            runs: known.runs,
        };
        all.into_iter().map(told).filter(|told| told.workers + told.draining + told.runs > 0).collect()
    }
}
