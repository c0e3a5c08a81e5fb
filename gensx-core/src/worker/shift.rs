//! One run, from its grant to its release.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};

use super::{
    Inner,
    keeper::{Held, Hold},
    phase::Phase,
};
use crate::{
    Error, ErrorKind, Event, EventKind, Result, RunStatus, clock,
    lease::{Ending, release_of},
    queue::{Due, Grant, Park},
    run::{ledger::Ledger, mail::CANCEL, rest::Rest},
    runtime::{
        Ended, Local,
        takeover::{Assignment, By, Taken, end_without_executing},
    },
    sink::MAX_PAGE,
};

/// The wait before a sink that does not answer is asked again, doubled up to `SINK_RETRY_MAX`.
const SINK_RETRY_INITIAL: Duration = Duration::from_millis(100);
const SINK_RETRY_MAX: Duration = Duration::from_secs(2);
/// The wait before a run that cannot be executed is given out again, doubled with each claim up to `UNABLE_MAX`.
const UNABLE_INITIAL: Duration = Duration::from_secs(1);
const UNABLE_MAX: Duration = Duration::from_secs(5 * 60);
/// How long a run of an earlier lease of this worker, or one that is let go of, may take to stop.
const STOP_BOUND: Duration = Duration::from_secs(1);
/// The waits before a release is tried again. After that the lease runs out.
const RELEASE_RETRIES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];

/// Executes a run that was given out in answer to a claim sent at `sent`, and lets go of it.
pub(super) async fn work(inner: Arc<Inner>, grant: Grant, sent: Instant) {
    let hold = inner.keeper.hold(&grant, sent);
    let held = Arc::clone(&hold.held);
    let ending = match select(pin!(held.lost()), pin!(execute(&inner, &grant, &held))).await {
        // Whatever was under way: it is somebody else's, and there is nothing to release.
        Either::Left(_) => return drop(hold),
        Either::Right((ending, _)) => ending,
    };
    tracing::debug!(run = %grant.lease.run, worker = %grant.lease.worker, ending = ?ending, "the run is let go of");
    release(&inner, &hold, ending).await;
}

async fn release(inner: &Inner, hold: &Hold, ending: Ending) {
    let (queue, held) = (inner.backend.queue(), &hold.held);
    let how = release_of(ending);
    let mut waits = RELEASE_RETRIES.iter();
    while let Err(error) = queue.release(&held.lease, &how, held.is_opened()).await {
        tracing::warn!(run = %held.lease.run, error = %error, "the run cannot be released");
        let Some(wait) = waits.next() else { return };
        clock::sleep(*wait).await;
    }
}

async fn execute(inner: &Arc<Inner>, grant: &Grant, held: &Held) -> Ending {
    let run = &grant.lease.run;
    let lost = Error::of(ErrorKind::Fenced, format!("run `{run}` was stopped here: its lease was lost"));
    if let Some(before) = inner.runtime.dismiss(run, lost) {
        // Its components are dropped first, as far as they let themselves be.
        let _ = select(pin!(before.ended()), pin!(clock::sleep(STOP_BOUND))).await;
    }
    if !inner.life.claims() {
        return Ending::Drained;
    }
    match select(pin!(take_over(inner, grant)), pin!(inner.life.reaches(Phase::Over))).await {
        Either::Left((Ok(local), _)) => until_ended(inner, grant, held, &local).await,
        Either::Left((Err(ending), _)) => {
            if matches!(ending, Ending::Ended | Ending::GivenUp) {
                held.open();
            }
            ending
        }
        Either::Right(_) => Ending::Drained,
    }
}

async fn until_ended(inner: &Inner, grant: &Grant, held: &Held, local: &Arc<Local>) -> Ending {
    held.open();
    held.executes(local);
    if inner.life.is_over() {
        // It began when the others had been let go of.
        inner.runtime.let_go();
    }
    let given_time = async {
        inner.life.reaches(Phase::Over).await;
        clock::sleep(STOP_BOUND).await;
    };
    match select(pin!(local.ended()), pin!(given_time)).await {
        Either::Left((ended, _)) => {
            // Its own task has done so, unless it had to be ended in its place.
            inner.runtime.forget(local);
            match ended {
                Ended::Output(_) | Ended::Error(_) => Ending::Ended,
                Ended::Parked(rest) => parked(inner, held, local, *rest).await,
                Ended::LetGo(error) => ending_of(error, grant),
            }
        }
        // A component blocks its thread: nothing that it does is recorded any more.
        Either::Right(_) => Ending::Drained,
    }
}

/// A run that left memory is brought back by the queue: when it is due, or a message has come. One that came unheard of
/// is looked for first; of those that come after this look, the queue knows.
async fn parked(inner: &Inner, held: &Held, local: &Local, rest: Rest) -> Ending {
    let seen_wakes = held.wakes();
    let unread = rest.on_message && has_unread(inner, held, local).await;
    let due = if unread { Some(Due::Now) } else { rest.due_ms.map(Due::AtMs) };
    Ending::Waits(Park { due, on_message: rest.on_message, seen_wakes })
}

async fn has_unread(inner: &Inner, held: &Held, local: &Local) -> bool {
    let (run, read) = (&held.lease.run, local.core.mail.last_read());
    match inner.backend.sink().receive(run, read, 1).await {
        Ok(page) => !page.is_empty(),
        Err(error) => {
            tracing::warn!(run = %run, error = %error, "a parked run's inbox cannot be read: it is given out again");
            true
        }
    }
}

fn ending_of(let_go: &Error, grant: &Grant) -> Ending {
    match let_go.kind() {
        ErrorKind::Drained => Ending::Drained,
        ErrorKind::Fenced => Ending::Fenced,
        _ => unable(grant, let_go),
    }
}

fn unable(grant: &Grant, error: &Error) -> Ending {
    let wait = unable_wait(grant.claims);
    tracing::error!(
        run = %grant.lease.run, workflow = %grant.workflow, claims = grant.claims, error = format!("{error:#}"), retry_in = ?wait,
        "the run cannot be executed here, it is tried again later"
    );
    Ending::Unable(Due::After(wait))
}

fn unable_wait(claims: u32) -> Duration {
    let doubled = 1_u32.checked_shl(claims.saturating_sub(1)).unwrap_or(u32::MAX);
    UNABLE_INITIAL.saturating_mul(doubled).min(UNABLE_MAX)
}

/// Takes a run over and begins to execute it, or says how it is let go of instead.
async fn take_over(inner: &Arc<Inner>, grant: &Grant) -> Result<Arc<Local>, Ending> {
    let assignment = assignment(inner, grant);
    let mut pause = SINK_RETRY_INITIAL;
    loop {
        let taken = match grant.exhausted {
            true => give_up(inner, grant, &assignment).await,
            false => begin(inner, grant, &assignment).await,
        };
        match taken {
            Ok(Taken::Here(local)) => return Ok(local),
            Ok(Taken::Ended) if grant.exhausted => match was_given_up(inner, grant).await {
                Ok(true) => return Err(Ending::GivenUp),
                Ok(false) => return Err(Ending::Ended),
                Err(error) => {
                    tracing::warn!(run = %grant.lease.run, error = format!("{error:#}"), "the run's end cannot be read");
                    clock::sleep(SINK_RETRY_MAX).await;
                }
            },
            Ok(Taken::Ended) => return Err(Ending::Ended),
            Ok(Taken::Gone) => return Err(Ending::Gone),
            Ok(Taken::NotQueued) => {
                tracing::warn!(run = %grant.lease.run, "the run was queued, and an application executes it: it is left alone");
                return Err(Ending::Gone);
            }
            Err(error) if error.kind() == ErrorKind::Fenced => return Err(Ending::Fenced),
            // No fault of the run's: it does not cost it a claim. The lease is renewed meanwhile.
            Err(error) if error.kind() == ErrorKind::Sink => {
                tracing::warn!(run = %grant.lease.run, error = format!("{error:#}"), "the run cannot be taken over, it is tried again");
                clock::sleep(pause).await;
                pause = (pause * 2).min(SINK_RETRY_MAX);
            }
            Err(error) => return Err(unable(grant, &error)),
        }
    }
}

fn assignment(inner: &Inner, grant: &Grant) -> Assignment {
    let by = By::Worker {
        first: grant.first.clone(),
        deployment: Arc::clone(&inner.identity.deployment),
        moved_from: grant.moved_from.clone(),
    };
    Assignment { run: grant.lease.run.clone(), by }
}

async fn begin(inner: &Arc<Inner>, grant: &Grant, assignment: &Assignment) -> Result<Taken> {
    let Some(known) = inner.runtime.registry().get(&grant.workflow) else {
        let text = format!("workflow `{}` is not registered with this worker", grant.workflow);
        return Err(Error::of(ErrorKind::NotFound, text));
    };
    match known.take_over(inner.runtime.clone(), assignment.clone()).await {
        // One that was cancelled need not be executable.
        Err(error) if error.kind() != ErrorKind::Sink && is_cancelled(inner, assignment).await? => {
            tracing::debug!(run = %assignment.run, error = %error, "a cancelled run that cannot be executed is ended");
            end_without_executing(&inner.runtime, assignment, |_| (RunStatus::Cancelled, None)).await
        }
        taken => taken,
    }
}

async fn is_cancelled(inner: &Inner, assignment: &Assignment) -> Result<bool> {
    let mut after = 0;
    loop {
        let page = inner.backend.sink().receive(&assignment.run, after, MAX_PAGE).await?;
        if page.iter().any(|message| message.name == CANCEL) {
            return Ok(true);
        }
        let Some(last) = page.last() else { return Ok(false) };
        after = last.number;
    }
}

/// Ends a run that was claimed too often. Nothing of it is executed.
async fn give_up(inner: &Inner, grant: &Grant, assignment: &Assignment) -> Result<Taken> {
    let why = |ledger: &Ledger| (RunStatus::Failed, Some(given_up(grant, ledger.stood_at())));
    end_without_executing(&inner.runtime, assignment, why).await
}

/// Whether that is how the run ended. One that was claimed too often may have ended well, in the hands of a worker that died
/// before it could let go of it.
async fn was_given_up(inner: &Inner, grant: &Grant) -> Result<bool> {
    let (sink, run) = (inner.backend.sink(), &grant.lease.run);
    let Some(head) = sink.head(run).await? else { return Ok(false) };
    let page = sink.read(run, head.last.seq - 1, 1).await?;
    let Some(last) = page.first() else { return Ok(false) };
    Ok(match Event::decode(last.id, &last.payload)?.kind {
        EventKind::RunEnded { error: Some(error), .. } => error.to_error().kind() == ErrorKind::GivenUp,
        _ => false,
    })
}

fn given_up(grant: &Grant, stood_at: Option<String>) -> Error {
    let claims = grant.claims.saturating_sub(1);
    let text = format!(
        "run `{}` was given up after {claims} claims: each worker that had it ended, or could not execute it, which its log says; \
         retry it when the cause is gone",
        grant.lease.run
    );
    let error = Error::of(ErrorKind::GivenUp, text).with_fate(crate::Fate::Permanent);
    match stood_at {
        Some(path) => error.at(path.into(), 0),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_cannot_be_executed_waits_longer_each_time() {
        let waits = [1, 2, 3, 9, 10, 32, 33, u32::MAX].map(|claims| unable_wait(claims).as_secs());
        assert_eq!(waits, [1, 2, 4, 256, 300, 300, 300, 300]);
    }
}
