//! Which workers live, and which deployments have workers or runs.

use gensx_core::queue::{Announce, MAX_DUE_PER_CALL, MovePolicy, millis};
use rusqlite::{OptionalExtension as _, params};

use super::step::Step;
use crate::{error::Failure, read, sql::queue as sql};

impl Step<'_> {
    pub(super) fn announce(&mut self, announce: &Announce) -> Result<(), Failure> {
        let Announce { worker, draining, ttl } = announce;
        let (id, deployment) = (worker.id.as_str(), &*worker.deployment);
        let before: Option<String> =
            self.file.prepare_cached(sql::WORKER)?.query_row([id], |row| row.get(0)).optional()?;
        if ttl.is_zero() {
            self.file.prepare_cached(sql::REMOVE_WORKER)?.execute([id])?;
        } else {
            let until_ms = read::position(self.now_ms.saturating_add(millis(*ttl)));
            self.file
                .prepare_cached(sql::SET_WORKER)?
                .execute(params![id, deployment, draining, until_ms])?;
            self.know(deployment, 0)?;
        }
        if let Some(before) = before.filter(|before| ttl.is_zero() || before != deployment) {
            self.file.prepare_cached(sql::REMOVE_DEPLOYMENT)?.execute([before])?;
        }
        // Runs may be for others now.
        self.counters.cursor += u64::from(*draining || ttl.is_zero());
        self.forget_silent()
    }

    /// Forgets some of the workers that have been silent for too long, and deployments that have nobody and nothing.
    pub(super) fn forget_silent(&mut self) -> Result<(), Failure> {
        let asked = [read::position(self.now_ms), read::position(MAX_DUE_PER_CALL as u64)];
        let mut statement = self.file.prepare_cached(sql::SILENT)?;
        let silent = statement.query_map(asked, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let silent: Vec<(String, String)> = silent.collect::<Result<_, _>>()?;
        for (worker, deployment) in silent {
            self.file.prepare_cached(sql::REMOVE_WORKER)?.execute([worker])?;
            self.file.prepare_cached(sql::REMOVE_DEPLOYMENT)?.execute([deployment])?;
        }
        Ok(())
    }

    fn know(&mut self, deployment: &str, runs: i64) -> Result<(), Failure> {
        let (number, now_ms) = (read::position(self.tick()), read::position(self.now_ms));
        self.file.prepare_cached(sql::KNOW_DEPLOYMENT)?.execute(params![deployment, number, now_ms, runs])?;
        Ok(())
    }

    /// Counts a run that was one deployment's as another's, or nobody's.
    pub(super) fn rebind(&mut self, before: Option<&str>, after: Option<&str>) -> Result<(), Failure> {
        if before == after {
            return Ok(());
        }
        if let Some(after) = after {
            self.know(after, 1)?;
        }
        if let Some(before) = before {
            self.file.prepare_cached(sql::UNBIND)?.execute([before])?;
            self.file.prepare_cached(sql::REMOVE_DEPLOYMENT)?.execute([before])?;
        }
        Ok(())
    }

    /// Whether the workers of `deployment` may take any of a workflow's runs.
    pub(super) fn takes_any(&self, deployment: &str, policy: MovePolicy) -> Result<bool, Failure> {
        Ok(policy != MovePolicy::Latest || self.newest()?.as_deref() == Some(deployment))
    }

    /// Whether those may take the runs that are bound to `bound`, or to none.
    pub(super) fn takes(&self, deployment: &str, policy: MovePolicy, bound: &str) -> Result<bool, Failure> {
        Ok(match policy {
            MovePolicy::Latest => true,
            _ if bound.is_empty() || bound == deployment => true,
            MovePolicy::Pin => false,
            MovePolicy::Prefer => !self.has_takers(bound)?,
        })
    }

    /// The newest deployment with a worker that takes runs.
    fn newest(&self) -> Result<Option<String>, Failure> {
        let mut statement = self.file.prepare_cached(sql::NEWEST)?;
        Ok(statement.query_row([read::position(self.now_ms)], |row| row.get(0)).optional()?)
    }

    fn has_takers(&self, deployment: &str) -> Result<bool, Failure> {
        let mut statement = self.file.prepare_cached(sql::TAKES)?;
        Ok(statement.exists(params![deployment, read::position(self.now_ms)])?)
    }
}
