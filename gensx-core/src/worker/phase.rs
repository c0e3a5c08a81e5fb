//! Where a worker is in its life.

use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::sync::watch;

use crate::clock;

/// A worker goes through these in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    /// Built.
    Idle,
    /// Claims and executes.
    Claims,
    /// Claims no more; runs may end until then.
    Drains(Instant),
    /// The deadline is over: runs are let go of.
    Over,
    /// Every run was released.
    Left,
    /// It was dropped: nothing is released.
    Dead,
}

impl Phase {
    fn rank(self) -> u8 {
        match self {
            Self::Idle => 0,
            Self::Claims => 1,
            Self::Drains(_) => 2,
            Self::Over => 3,
            Self::Left => 4,
            Self::Dead => 5,
        }
    }

    /// The later of two; of two drains the one with the earlier deadline.
    fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Drains(one), Self::Drains(other)) => Self::Drains(one.min(other)),
            (now, next) if next.rank() > now.rank() => next,
            (now, _) => now,
        }
    }
}

#[derive(Debug)]
pub(super) struct Life(watch::Sender<Phase>);

impl Default for Life {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Idle))
    }
}

impl Life {
    /// Whether it begins now, and not for another time.
    pub(super) fn begin(&self) -> bool {
        self.0.send_if_modified(|phase| {
            let idle = *phase == Phase::Idle;
            if idle {
                *phase = Phase::Claims;
            }
            idle
        })
    }

    pub(super) fn become_(&self, next: Phase) {
        self.0.send_if_modified(|phase| {
            let then = phase.then(next);
            std::mem::replace(phase, then) != then
        });
    }

    /// One that has not begun never does.
    pub(super) fn drain_by(&self, deadline: Instant) {
        self.0.send_if_modified(|phase| {
            let then = match *phase {
                Phase::Idle => Phase::Left,
                phase => phase.then(Phase::Drains(deadline)),
            };
            std::mem::replace(phase, then) != then
        });
    }

    pub(super) fn watch(&self) -> watch::Receiver<Phase> {
        self.0.subscribe()
    }

    pub(super) fn claims(&self) -> bool {
        *self.0.borrow() == Phase::Claims
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.borrow().rank() >= Phase::Over.rank()
    }

    pub(super) fn has_left(&self) -> bool {
        self.0.borrow().rank() >= Phase::Left.rank()
    }

    /// Waits until it is in this phase or a later one.
    pub(super) async fn reaches(&self, phase: Phase) {
        reaches(self.0.subscribe(), phase).await;
    }

    /// Waits until it claims no more.
    pub(super) async fn drains(&self) {
        drains(self.0.subscribe()).await;
    }

    /// Waits for the deadline of the drain, which may come nearer meanwhile.
    pub(super) async fn deadline(&self) {
        let mut phases = self.0.subscribe();
        loop {
            let Phase::Drains(at) = *phases.borrow_and_update() else { return };
            let rest = at.saturating_duration_since(clock::now());
            if rest == Duration::ZERO {
                return;
            }
            let (changed, sleep) = (std::pin::pin!(phases.changed()), std::pin::pin!(clock::sleep(rest)));
            if let Either::Right(_) = select(changed, sleep).await {
                return;
            }
        }
    }
}

/// Waits until the worker claims no more.
pub(super) async fn drains(mut phases: watch::Receiver<Phase>) {
    // An error means that the worker is gone.
    let _ = phases.wait_for(|phase| phase.rank() > Phase::Claims.rank()).await;
}

pub(super) async fn reaches(mut phases: watch::Receiver<Phase>, phase: Phase) {
    // An error means that the worker is gone.
    let _ = phases.wait_for(|now| now.rank() >= phase.rank()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_goes_forward_and_the_earliest_deadline_counts() {
        let (soon, late) = (clock::now(), clock::now() + Duration::from_secs(9));
        assert_eq!(Phase::Claims.then(Phase::Drains(late)), Phase::Drains(late));
        assert_eq!(Phase::Drains(late).then(Phase::Drains(soon)), Phase::Drains(soon));
        assert_eq!(Phase::Drains(soon).then(Phase::Drains(late)), Phase::Drains(soon));
        assert_eq!(Phase::Over.then(Phase::Drains(soon)), Phase::Over);
        assert_eq!(Phase::Left.then(Phase::Over), Phase::Left);
    }

    #[test]
    fn one_that_was_drained_before_it_began_never_begins() {
        let life = Life::default();
        life.drain_by(clock::now());
        assert!(!life.begin() && life.has_left());
    }
}
