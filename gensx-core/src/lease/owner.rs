//! A worker's side: what it does with a run that it was given, and what with each answer.

use crate::{
    EventId,
    queue::{Due, Park, Release, Renewed},
    sink::{Append, Entry, Head},
};

/// What a worker does first, given how the run's stream stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Takeover {
    /// There is no stream: whoever started the run did not get so far. Open it with the first event of the grant.
    Open(EventId),
    /// Append a claim here.
    Claim(EventId),
    /// It has ended: let go of it as [`Ending::Ended`].
    Ended,
    /// There is no stream, and nothing to open one with: it was deleted. Let go of it as [`Ending::Gone`].
    Gone,
}

/// Decides how to take a run over: `head` is how its stream stands, `has_first` whether the grant came with the first event.
#[must_use]
pub fn takeover(head: Option<&Head>, has_first: bool) -> Takeover {
    match head {
        None if has_first => Takeover::Open(EventId::new(1, 1)),
        None => Takeover::Gone,
        Some(head) if head.status.is_ended() => Takeover::Ended,
        Some(head) => Takeover::Claim(EventId::new(head.last.epoch + 1, head.last.seq + 1)),
    }
}

/// Whether what was read before a claim is what the claim follows: `read` is the last entry of the stream as it was
/// read, `before` the one that stands right before the claim, read once the claim is durable. If not, everything is to
/// be read again, up to the claim; from there on nobody else appends.
///
/// A store that loses its tail in between may have taken other events since, from an owner that it did not know to be
/// fenced any more, and end in the same place: the claim is accepted there, after events that this owner has not seen.
#[must_use]
pub fn confirms(read: Option<&Entry>, before: Option<&Entry>) -> bool {
    match (read, before) {
        (Some(read), Some(before)) => read.id == before.id && read.payload == before.payload,
        (None, None) => true,
        _ => false,
    }
}

/// What an owner does after the answer to an append.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Heard {
    /// The events are durable: go on.
    Durable,
    /// Another owner has the run, or a store that lost its tail does not know this one any more: run nothing more, and let go of
    /// the run as [`Ending::Fenced`].
    Stop,
    /// The run has ended: let go of it as [`Ending::Ended`].
    Ended,
}

/// Decides what an answer means. After [`Append::Lost`] whatever this process remembers of the run may differ from
/// what survived: it stops, and whoever claims the run next reads the stream anew.
#[must_use]
pub fn heard(answer: Append) -> Heard {
    match answer {
        Append::Done | Append::Duplicate => Heard::Durable,
        Append::Fenced | Append::Lost => Heard::Stop,
        Append::Ended => Heard::Ended,
    }
}

/// What a worker does after a renewal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Beat {
    /// Go on; the run was woken so often.
    GoOn {
        /// To be remembered before the inbox is looked into.
        wakes: u64,
    },
    /// The lease is somebody else's: run nothing more, release nothing.
    Stop,
}

/// Decides what an answer to a renewal means; `None` is no answer. A worker that gets none until `lease_ms` have passed
/// by its own monotonic clock (`since_ms`, from when it sent the last request that was answered) must take the lease
/// for lost.
#[must_use]
pub fn beat(answer: Option<Renewed>, known_wakes: u64, since_ms: u64, lease_ms: u64) -> Beat {
    match answer {
        Some(Renewed::Kept { wakes }) => Beat::GoOn { wakes },
        Some(Renewed::Lost) => Beat::Stop,
        None if since_ms >= lease_ms => Beat::Stop,
        None => Beat::GoOn { wakes: known_wakes },
    }
}

/// How a worker's work on a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The last event is in the stream.
    Ended,
    /// The last event is in the stream, and says that the run was given up.
    GivenUp,
    /// There is no such run any more.
    Gone,
    /// The worker is draining.
    Drained,
    /// An append was refused.
    Fenced,
    /// It cannot be executed here and now: its sink does not answer, its input does not decode. Try again at this time.
    Unable(Due),
    /// It waits.
    Waits(Park),
}

/// How the run is released. One that was fenced is given back, not forgotten: if the lease is still held, whoever
/// fenced it was no worker of this queue, and may not live.
#[must_use]
pub fn release_of(ending: Ending) -> Release {
    match ending {
        Ending::Ended | Ending::Gone => Release::Done,
        Ending::GivenUp => Release::Dead,
        Ending::Drained | Ending::Fenced => Release::Back,
        Ending::Unable(due) => Release::Retry(due),
        Ending::Waits(park) => Release::Park(park),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_without_answers_gives_up_when_its_lease_is_over() {
        assert_eq!(beat(None, 4, 999, 1_000), Beat::GoOn { wakes: 4 });
        assert_eq!(beat(None, 4, 1_000, 1_000), Beat::Stop);
        assert_eq!(beat(Some(Renewed::Kept { wakes: 5 }), 4, 5_000, 1_000), Beat::GoOn { wakes: 5 });
    }
}
