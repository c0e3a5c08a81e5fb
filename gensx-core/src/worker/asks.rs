//! Claiming: what there is room for, at once when there is something, and otherwise now and then.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select, select_all};
use tokio::task::JoinSet;

use super::{Inner, shift};
use crate::{
    QueueError, clock,
    queue::{Claim, MAX_CLAIM, MAX_CLAIM_WORKFLOWS},
};

/// The longest wait between two claims: a wait is a hint.
const CLAIM_INTERVAL: Duration = Duration::from_secs(2);
/// The wait after a claim that failed, doubled after each other one up to `CLAIM_INTERVAL`.
const RETRY_INITIAL: Duration = Duration::from_millis(100);

/// What a worker asks for, in claims of no more workflows than one may name.
struct Asks {
    claims: Vec<Claim>,
    /// The claim that is made first next time: none comes last for ever.
    first: usize,
}

/// What a round of claims left to wait for.
#[derive(Debug)]
enum Round {
    /// There may be more at once.
    More,
    /// Nothing now: what to wait for, by claim, and how long at most.
    Nothing(Vec<(usize, u64)>, Duration),
}

/// Claims and starts runs until the worker drains.
pub(super) async fn claim_and_start(inner: &Arc<Inner>, shifts: &mut JoinSet<()>) {
    let mut asks = Asks::of(inner);
    let mut pause = RETRY_INITIAL;
    while inner.life.claims() {
        while shifts.try_join_next().is_some() {}
        let room = inner.options.concurrency.saturating_sub(shifts.len());
        if room == 0 {
            let _ = select(pin!(shifts.join_next()), pin!(inner.life.drains())).await;
            continue;
        }
        match asks.round(inner, room, shifts).await {
            Ok(Round::More) => pause = RETRY_INITIAL,
            Ok(Round::Nothing(cursors, at_most)) => {
                let ended = asks.wait(inner, &cursors, at_most).await;
                pause = if ended.is_ok() { RETRY_INITIAL } else { rest(inner, pause, ended).await };
            }
            Err(error) => pause = rest(inner, pause, Err(error)).await,
        }
    }
}

/// Waits after a failure, and gives the next such wait.
async fn rest(inner: &Arc<Inner>, pause: Duration, failed: Result<(), QueueError>) -> Duration {
    if let Err(error) = failed {
        tracing::warn!(worker = %inner.identity.id, error = %error, "nothing can be claimed, it is tried again");
    }
    let _ = select(pin!(clock::sleep(pause)), pin!(inner.life.drains())).await;
    (pause * 2).min(CLAIM_INTERVAL)
}

impl Asks {
    fn of(inner: &Inner) -> Self {
        let claim = |workflows: &[_]| Claim {
            worker: inner.identity.clone(),
            workflows: workflows.to_vec(),
            max_runs: 0,
            lease: inner.options.lease,
            max_claims: inner.options.max_claims,
        };
        Self { claims: inner.wanted.chunks(MAX_CLAIM_WORKFLOWS).map(claim).collect(), first: 0 }
    }

    /// One claim of each part, as far as there is room.
    async fn round(
        &mut self,
        inner: &Arc<Inner>,
        mut room: usize,
        shifts: &mut JoinSet<()>,
    ) -> Result<Round, QueueError> {
        let (count, mut cursors, mut at_most) = (self.claims.len(), Vec::new(), CLAIM_INTERVAL);
        let first = self.first;
        self.first = (first + 1) % count;
        let mut more = false;
        for part in (0..count).map(|offset| (first + offset) % count) {
            let ask = &mut self.claims[part];
            ask.max_runs = room.min(MAX_CLAIM);
            let sent = clock::now();
            let claimed = inner.backend.queue().claim(ask).await?;
            let given = claimed.grants.len();
            for grant in claimed.grants {
                shifts.spawn(shift::work(Arc::clone(inner), grant, sent));
            }
            room = room.saturating_sub(given);
            more |= given >= ask.max_runs || claimed.next_due == Some(Duration::ZERO);
            at_most = claimed.next_due.map_or(at_most, |due| at_most.min(due));
            cursors.push((part, claimed.cursor));
            if room == 0 {
                return Ok(Round::More);
            }
        }
        Ok(if more { Round::More } else { Round::Nothing(cursors, at_most) })
    }

    async fn wait(
        &self,
        inner: &Arc<Inner>,
        cursors: &[(usize, u64)],
        at_most: Duration,
    ) -> Result<(), QueueError> {
        let queue = inner.backend.queue();
        let waits = cursors.iter().map(|(part, cursor)| queue.wait(&self.claims[*part], *cursor));
        let any = pin!(async { select_all(waits).await.0 });
        let (time, drains) = (pin!(clock::sleep(at_most)), pin!(inner.life.drains()));
        match select(any, select(time, drains)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Ok(()),
        }
    }
}
