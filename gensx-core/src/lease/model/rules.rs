//! The functions under test, as a table in which one can be another.

use crate::{
    lease::{self, Beat, Bid, Deal, Ending, Heard, Settled, Takeover, Ticket},
    queue::{Lease, Release, Renewed, Wake},
    sink::{self, Append, Batch, Entry, Head, Standing},
};

#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) claim: fn(&mut Ticket, Bid) -> Option<Deal>,
    pub(super) renew: fn(&mut Ticket, &Lease, u64, bool) -> Renewed,
    pub(super) expire: fn(&mut Ticket, u64) -> bool,
    pub(super) promote: fn(&mut Ticket, u64) -> bool,
    pub(super) release: fn(&mut Ticket, &Lease, &Release, u64) -> Settled,
    pub(super) wake: fn(&mut Ticket, Wake) -> bool,
    pub(super) judge: fn(Option<Standing>, &Batch) -> Append,
    pub(super) takeover: fn(Option<&Head>, bool) -> Takeover,
    pub(super) confirms: fn(Option<&Entry>, Option<&Entry>) -> bool,
    pub(super) heard: fn(Append) -> Heard,
    pub(super) beat: fn(Option<Renewed>, u64, u64, u64) -> Beat,
    pub(super) release_of: fn(Ending) -> Release,
}

impl Rules {
    /// Those that queues, sinks and workers call.
    pub(super) fn real() -> Self {
        Self {
            claim: lease::claim,
            renew: lease::renew,
            expire: lease::expire,
            promote: lease::promote,
            release: lease::release,
            wake: lease::wake,
            judge: sink::judge,
            takeover: lease::takeover,
            confirms: lease::confirms,
            heard: lease::heard,
            beat: lease::beat,
            release_of: lease::release_of,
        }
    }
}
