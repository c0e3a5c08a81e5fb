//! The lease protocol of a fleet, as functions from values to values: no clock, no store, no waiting.
//!
//! Two things stand between a run and two owners. The **queue's lease** says who may begin to work: it is about
//! liveness, and may be wrong (a worker that was stopped for longer than its lease does not know that another has
//! its run). The **epoch of the stream** says who may append: it is about safety, and [`judge`](crate::sink::judge)
//! decides it inside the store. A wrong lease may start a run twice; it never makes two owners that both append.
//!
//! | file | whose decisions |
//! |---|---|
//! | `ticket.rs` | the queue's, about one run: [`Ticket`] |
//! | `owner.rs` | a worker's, about a run that it was given: [`takeover`], [`confirms`], [`heard`], [`beat`], [`release_of`] |
//!
//! Whatever keeps a queue calls the first or spells the same rules where it must (a script in a server, a statement); the
//! worker calls the second. The tests explore both together with streams that lose their tails, workers that stop
//! and wake, and messages that come at any moment: every history of 2 workers and 1 run with at most two troubles,
//! and random walks of 3 and 3 with many. A mistake that is seeded in any one of these functions is found there.

#[cfg(test)]
mod model;
mod owner;
mod ticket;

pub use owner::{Beat, Ending, Heard, Takeover, beat, confirms, heard, release_of, takeover};
pub use ticket::{Bid, Deal, Place, Settled, Ticket, claim, expire, promote, release, renew, wake};
