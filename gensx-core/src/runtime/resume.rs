//! Going on with a run from its stream.

use std::sync::Arc;

use futures_util::future::join;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Run, Runtime, not_found,
    takeover::{Assignment, Taken, take_over},
};
use crate::{
    Component, Error, ErrorKind, Event, EventId, EventKind, Result, RunId,
    run::ledger::{Ledger, RunInfo},
    sink::{Entry, EventSink, SinkErrorKind},
};

/// Entries read at once.
const PAGE: usize = 1_000;

/// A stream as it was read: what it says of each call, and its last entry.
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) ledger: Ledger,
    pub(crate) last: Option<Entry>,
}

/// Reads a whole stream, each page while the one before it is taken in. Empty if there is none.
pub(crate) async fn read(sink: &Arc<dyn EventSink>, id: &RunId) -> Result<Stream> {
    let mut stream = Stream::default();
    let mut page = match sink.read(id, 0, PAGE).await {
        Err(error) if error.kind() == SinkErrorKind::NotFound => return Ok(stream),
        page => page?,
    };
    while let Some(last) = page.last() {
        let next = sink.read(id, last.id.seq, PAGE);
        // The read goes first: a store with threads of its own works while this one decodes.
        let (next, taken) = join(next, async { take_in(&mut stream.ledger, &page) }).await;
        taken?;
        let next = next?;
        if let Some(first) = next.first()
            && !goes_on(last.id, &Event::decode(first.id, &first.payload)?)
        {
            let text = format!("run `{id}` was written anew while it was read: resume it again");
            return Err(Error::of(ErrorKind::Sink, text));
        }
        stream.last = page.pop();
        page = next;
    }
    Ok(stream)
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
    match take_over(runtime, workflow, &Assignment::of_application(id), supplied).await? {
        Taken::Here(local) => Ok(Run::new(runtime.clone(), id.clone(), Some(local))),
        Taken::Ended => Ok(Run::new(runtime.clone(), id.clone(), None)),
        Taken::Gone | Taken::NotQueued => Err(not_found(id, runtime.sink())),
    }
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
        assert!(goes_on(
            last,
            &event(2, EventKind::RunClaimed { owner: "me".into(), deployment: None, moved_from: None })
        ));
        assert!(!goes_on(last, &event(2, text())), "the claim of 2 stands where 1 was read");
    }
}
