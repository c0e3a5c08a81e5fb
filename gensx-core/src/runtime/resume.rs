//! Going on with a run from its stream.

use std::sync::Arc;

use futures_util::future::join;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Run, Runtime, not_found, retry,
    start::{Prepared, execute, prepare},
};
use crate::{
    Component, Error, ErrorKind, Event, EventId, EventKind, Result, RunId,
    identity::Fingerprint,
    run::{
        RunCore,
        ledger::{Ledger, RunInfo},
        outbox::Outbox,
    },
    sink::{Append, BatchKind, Entry, EventSink},
};

/// Entries read at once.
const PAGE: usize = 1_000;
/// Takeovers that are tried when others append at the same time.
const CLAIM_ATTEMPTS: u32 = 8;

/// Reads a whole stream, each page while the one before it is taken in.
pub(crate) async fn read(sink: &Arc<dyn EventSink>, id: &RunId) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut page = sink.read(id, 0, PAGE).await?;
    while let Some(last) = page.last() {
        let next = sink.read(id, last.id.seq, PAGE);
        // The read goes first: a store with threads of its own works while this one decodes.
        let (next, taken) = join(next, async { take_in(&mut ledger, &page) }).await;
        taken?;
        let next = next?;
        if let Some(first) = next.first()
            && !goes_on(last.id, &Event::decode(first.id, &first.payload)?)
        {
            let text = format!("run `{id}` was written anew while it was read: resume it again");
            return Err(Error::of(ErrorKind::Sink, text));
        }
        page = next;
    }
    Ok(ledger)
}

/// Whether a page goes on from where the one before it ended. Under a new epoch it begins with that owner's claim; if not,
/// the claim stands before, where the page before was read: the store has lost that, and what it said must not be believed.
fn goes_on(last: EventId, next: &Event) -> bool {
    next.id.epoch == last.epoch || matches!(next.kind, EventKind::RunClaimed { .. })
}

fn take_in(ledger: &mut Ledger, page: &[Entry]) -> Result<()> {
    page.iter().try_for_each(|entry| ledger.apply(Event::decode(entry.id, &entry.payload)?))
}

pub(super) async fn resume<W, I>(
    runtime: &Runtime,
    workflow: &W,
    id: &RunId,
    supplied: Option<I>,
) -> Result<Run<W::Output>>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
    I: Serialize + DeserializeOwned,
{
    runtime.listen().await?;
    // One at a time: of two that ask at once in this process, the second finds the first one's run, and does not fence it.
    let (key, unwatched) = (Fingerprint::of(format!("gensx resume\0{id}").as_bytes()), Arc::default());
    let _turn = runtime.config().flights.enter(key, &unwatched).await;
    let mut supplied = supplied;
    for _ in 0..CLAIM_ATTEMPTS {
        // Another call of this process may have been faster: its run is not to be fenced by this one.
        if let Some(local) = runtime.local(id) {
            return Ok(Run::new(runtime.clone(), id.clone(), Some(local)));
        }
        let ledger = read(runtime.sink(), id).await?;
        let (Some(info), Some(last)) = (ledger.info.clone(), ledger.last) else {
            return Err(not_found(id, runtime.sink()));
        };
        if ledger.ended.is_some() {
            return Ok(Run::new(runtime.clone(), id.clone(), None));
        }
        let (input, again) = input(id, &info, supplied.take())?;
        let missing = retry::missing(runtime.sink(), &ledger, &info).await?;
        let (core, prepared) = rebuild(runtime, workflow, id, &info, (ledger, last, &missing), input).await?;
        expect_workflow(id, &info, &prepared)?;
        let owner = EventKind::RunClaimed { owner: runtime.config().owner.clone() };
        let claim = Event::new(crate::clock::unix_ms(), None, 0, owner).encode();
        match core.outbox.begin(BatchKind::Claims, vec![claim]).await? {
            Append::Done | Append::Duplicate => {
                retry::carry(&core, missing).await?;
                // What was sent while nobody had the run is waiting: a run that was cancelled does nothing more.
                runtime.collect(&core).await;
                return Ok(execute(runtime, core, prepared));
            }
            Append::Ended => return Ok(Run::new(runtime.clone(), id.clone(), None)),
            Append::Fenced | Append::Lost => supplied = again,
        }
    }
    Err(Error::of(ErrorKind::Fenced, format!("run `{id}` was taken over by others {CLAIM_ATTEMPTS} times")))
}

/// The input to begin with, and once more for another try where the caller supplied it.
pub(super) fn input<I: Serialize + DeserializeOwned>(
    id: &RunId,
    info: &RunInfo,
    supplied: Option<I>,
) -> Result<(I, Option<I>)> {
    let decode = |json: &str| {
        serde_json::from_str::<I>(json).map_err(|error| {
            let text = format!(
                "run `{id}` cannot be resumed here: its input does not decode as `{}`; it stays as it is",
                std::any::type_name::<I>()
            );
            Error::of(ErrorKind::Replay, text).with_source(error)
        })
    };
    match (supplied, &info.input) {
        (Some(input), _) => {
            let copy = serde_json::to_string(&input).ok().and_then(|json| decode(&json).ok());
            Ok((input, copy))
        }
        (None, Some(json)) => Ok((decode(json.get())?, None)),
        (None, None) => {
            let text = format!(
                "the input of run `{id}` has secret or skipped parts: supply it again, with `resume_with`"
            );
            Err(Error::of(ErrorKind::InvalidInput, text))
        }
    }
}

async fn rebuild<W, I>(
    runtime: &Runtime,
    workflow: &W,
    id: &RunId,
    info: &RunInfo,
    (mut ledger, last, missing): (Ledger, EventId, &[Event]),
    input: I,
) -> Result<(Arc<RunCore>, Prepared)>
where
    W: Component<I>,
    W::Output: Serialize + DeserializeOwned + Send + 'static,
{
    let config = runtime.config();
    let now = config.sink.now_ms().await?;
    // Behind the claim.
    let first = EventId::new(last.epoch + 1, last.seq + 2);
    retry::apply(&mut ledger, first, missing)?;
    let outbox = Outbox::new(id.clone(), Arc::clone(config), first);
    let core = Arc::new(RunCore::new(id.clone(), Arc::clone(config), outbox, ledger, now));
    let prepared = prepare(&core, &info.origin, workflow, input);
    Ok((core, prepared))
}

pub(super) fn expect_workflow(id: &RunId, info: &RunInfo, prepared: &Prepared) -> Result<()> {
    if info.workflow == prepared.workflow {
        return Ok(());
    }
    let text = format!(
        "run `{id}` belongs to workflow `{}` (version {}), not to `{}`; it stays as it is",
        info.workflow, info.version, prepared.workflow
    );
    Err(Error::of(ErrorKind::NotFound, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(epoch: u32, kind: EventKind) -> Event {
        Event { id: EventId::new(epoch, 11), ..Event::new(0, None, 0, kind) }
    }

    #[test]
    fn a_page_goes_on_in_its_epoch_or_with_a_claim() {
        let last = EventId::new(1, 10);
        let text = || EventKind::Text { channel: "draft".into(), text: "x".into() };
        assert!(goes_on(last, &event(1, text())));
        assert!(goes_on(last, &event(2, EventKind::RunClaimed { owner: "me".into() })));
        assert!(!goes_on(last, &event(2, text())), "the claim of 2 stands where 1 was read");
    }
}
