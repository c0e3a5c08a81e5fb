//! What is asked of runs from outside: to end, to begin anew, to be forgotten.

use std::{sync::Arc, time::Duration};

use super::{Client, RunHandle, start::enqueue};
use crate::{
    Error, ErrorKind, Result, RunId, RunStatus, SinkErrorKind,
    clock::sleep,
    event::QueuedAs,
    queue::{Enqueue, Limit, QueueState, Removed, Wake},
    run::mail::CANCEL,
    runtime::{
        not_found,
        retry::{Successor, successor},
        takeover::{Assignment, By, end_without_executing, open},
    },
    sink::{Append, Message},
};

/// The wait before it is looked again for the stream of a run that is queued.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often it is looked for before a cancellation gives up: a second in all.
const LOOKS: u32 = 20;

impl Client {
    /// Cancels a run, wherever it is. One that a worker executes stops at its next await, or is dropped when the worker's
    /// grace period is over; one that waits in the queue is ended at once, also where no worker lives. It ends with the status
    /// cancelled. Returns when the wish is durable; a run that has ended stays as it is.
    ///
    /// Cancel safe: dropped, the wish may be durable or not; it may be repeated.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Sink`] if the sink or the queue does not answer: cancel it again.
    pub async fn cancel(&self, run: &RunId) -> Result<()> {
        if self.ask_to_cancel(run).await? == Asked::HasEnded {
            return Ok(());
        }
        let queue = self.backend().queue();
        if queue.find(run).await?.is_some_and(|found| found.state == QueueState::Leased) {
            // Its worker hears of the message; should it park the run at this moment, the wake takes it back.
            queue.wake(run, Wake::Now).await?;
            return Ok(());
        }
        // Nobody has it. Its end comes first: a worker that claims it meanwhile is fenced, and finds that it has ended; so does
        // whoever claims it if this process ends in between.
        let assignment = Assignment { run: run.clone(), by: By::Client };
        end_without_executing(&self.runtime, &assignment, |_| (RunStatus::Cancelled, None)).await?;
        queue.remove(run).await?;
        Ok(())
    }

    async fn ask_to_cancel(&self, run: &RunId) -> Result<Asked> {
        for _ in 0..LOOKS {
            let wish = Message {
                number: 0,
                name: CANCEL.to_owned(),
                body: "null".to_owned(),
                id: Some(CANCEL.to_owned()),
            };
            match self.sink().send(run, wish).await {
                Ok(_) => return Ok(Asked::Durable),
                Err(error) if error.kind() == SinkErrorKind::Ended => return Ok(Asked::HasEnded),
                Err(error) if error.kind() == SinkErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
            // Its client did not come to open its stream: whoever claims it does.
            if !self.backend().queue().wake(run, Wake::Now).await? {
                return Err(not_found(run, self.sink()));
            }
            sleep(LOOK_AGAIN).await;
        }
        let text = format!(
            "run `{run}` is queued, and its stream is not there yet: cancel it again when a worker has it"
        );
        Err(Error::of(ErrorKind::Sink, text))
    }

    /// Starts a new run in the place of one that failed, was cancelled or was given up. What had succeeded is carried
    /// over, and idempotency keys of calls stay the same. It has the old one's priority and limits. The old stream stays
    /// as it is; of the dead runs it is one no more.
    ///
    /// Cancel safe: dropped, the new run may have been started or not; retried again, there may be two.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::InvalidInput`] for a run that succeeded or has not ended;
    /// [`ErrorKind::Sink`], [`ErrorKind::Replay`].
    pub async fn retry(&self, run: &RunId) -> Result<RunHandle> {
        let as_before =
            |queued: Option<QueuedAs>| Some(QueuedAs { due_ms: None, ..queued.unwrap_or_default() });
        // What it carries over is added by the worker that takes it.
        let Successor { info, opening, first, .. } = successor(self.sink(), run, None, as_before).await?;
        let next = RunId::generate();
        match open(self.sink(), &next, opening, vec![first.encode()]).await? {
            Append::Done | Append::Duplicate => {}
            answer => {
                let text = format!("the new run `{next}` was refused: {answer:?}");
                return Err(Error::of(ErrorKind::Sink, text));
            }
        }
        // Should this process end here, `heal` finds it.
        let entry = self.entry_again(next.clone(), &info.workflow, info.queued.unwrap_or_default());
        enqueue(self, &entry).await?;
        self.backend().queue().remove(run).await?;
        Ok(RunHandle::new(self.clone(), next, false))
    }

    /// What queues a run whose stream exists.
    pub(super) fn entry_again(&self, run: RunId, workflow: &str, queued: QueuedAs) -> Enqueue {
        let limits = queued.limits.into_iter().map(|limit| Limit {
            name: limit.name.into(),
            key: limit.key.into(),
            max: limit.max,
        });
        Enqueue {
            priority: queued.priority,
            due: queued.due_ms.map_or(crate::queue::Due::Now, crate::queue::Due::AtMs),
            limits: limits.collect(),
            max_waiting: u64::MAX,
            ..Enqueue::new(run, Arc::<str>::from(workflow))
        }
    }

    /// Removes a run, its stream and its messages. It cannot be undone.
    ///
    /// Cancel safe: dropped, it may be removed from the queue, the sink, both or none; it may be repeated.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a run that a worker has: cancel it first. [`ErrorKind::Sink`].
    pub async fn delete(&self, run: &RunId) -> Result<()> {
        if self.backend().queue().remove(run).await? == Removed::Leased {
            let text =
                format!("run `{run}` is executed by a worker: cancel it, and delete it when it has ended");
            return Err(Error::of(ErrorKind::InvalidInput, text));
        }
        Ok(self.sink().delete(run).await?)
    }
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Durable,
    HasEnded,
}
