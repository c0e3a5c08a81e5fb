//! A run's record, as `scripts/record.lua` writes it.

use gensx_core::RunId;
use gensx_core::queue::{DeadRun, QueueState, Queued, WorkerId};

/// What is read of it here.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Record<'a> {
    workflow: &'a str,
    place: &'a str,
    claims: u32,
    bound: &'a str,
    worker: &'a str,
    since_ms: u64,
    /// In the line of a gate.
    held: bool,
}

impl<'a> Record<'a> {
    /// `None`: gensx did not write it.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_suffix('\n')?.split('\n');
        let (workflow, _priority, place) = (parts.next()?, parts.next()?, parts.next()?);
        let claims = parts.next()?.parse().ok()?;
        let (_wakes, _urgent) = (parts.next()?, parts.next()?);
        let (bound, worker) = (parts.next()?, parts.next()?);
        let (_number, _on_message, _order) = (parts.next()?, parts.next()?, parts.next()?);
        let since_ms = parts.next()?.parse().ok()?;
        let held = parts.next()? != "0";
        Some(Self { workflow, place, claims, bound, worker, since_ms, held })
    }

    fn state(&self) -> Option<QueueState> {
        Some(match self.place {
            "R" if self.held => QueueState::Held,
            "R" => QueueState::Ready,
            "D" => QueueState::Delayed,
            "P" => QueueState::Parked,
            "L" => QueueState::Leased,
            "X" => QueueState::Dead,
            _ => return None,
        })
    }

    pub(super) fn queued(&self, due_ms: Option<u64>) -> Option<Queued> {
        let some = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Some(Queued {
            workflow: self.workflow.into(),
            state: self.state()?,
            due_ms,
            deployment: some(self.bound).map(Into::into),
            worker: some(self.worker).map(WorkerId::from_text),
            claims: self.claims,
        })
    }

    pub(super) fn dead(&self, run: RunId) -> DeadRun {
        DeadRun { run, workflow: self.workflow.into(), claims: self.claims, since_ms: self.since_ms }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_is_read() {
        let text = "digest\n-3\nL\n2\n1\n0\nblue\nw1\n77\n0\n9\n1000\n0\n0\ngroup\nkey\n3\n";
        let queued = Record::parse(text).unwrap().queued(Some(5)).unwrap();
        assert_eq!((&*queued.workflow, queued.state, queued.claims), ("digest", QueueState::Leased, 2));
        assert_eq!((queued.deployment.as_deref(), queued.due_ms), (Some("blue"), Some(5)));
        assert_eq!(queued.worker, Some(WorkerId::from_text("w1")));
        let held = text.replace("\nL\n", "\nR\n").replace("1000\n0\n", "1000\n1\n");
        assert_eq!(Record::parse(&held).unwrap().state(), Some(QueueState::Held));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[A-Z0-9\n]{0,60}") {
            let _ = Record::parse(&text).and_then(|record| record.queued(None));
        }
    }
}
