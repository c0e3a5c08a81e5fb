//! The queue's side: where one run stands, and what moves it.

use std::sync::Arc;

use crate::queue::{Due, Lease, Park, Release, Released, Renewed, Wake};

/// Where a run stands in its queue.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// It may be claimed.
    Ready,
    /// It is ready at this time.
    Delayed {
        /// In the store's milliseconds since 1970.
        due_ms: u64,
    },
    /// It let its worker go, and is ready when one of these happens.
    Parked {
        /// In the store's milliseconds since 1970.
        due_ms: Option<u64>,
        /// Whether a message makes it ready.
        on_message: bool,
    },
    /// A worker has it.
    Leased {
        /// Which, and by which claim.
        lease: Lease,
        /// When others may have it, in the store's milliseconds since 1970.
        until_ms: u64,
    },
    /// It was given up.
    Dead {
        /// In the store's milliseconds since 1970.
        since_ms: u64,
    },
}

/// What a queue knows of one run for the protocol. A run that is done has none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// Where it stands.
    pub place: Place,
    /// Claims since it made progress.
    pub claims: u32,
    /// How often it was woken.
    pub wakes: u64,
    /// What `wakes` was when it was last woken with [`Wake::Now`]; 0 for never.
    pub urgent: u64,
    /// The deployment that claimed it last.
    pub bound: Option<Arc<str>>,
}

impl Ticket {
    /// That of a run that is queued, and due at `due_ms`, if that is later.
    #[must_use]
    pub fn new(due_ms: Option<u64>) -> Self {
        let place = due_ms.map_or(Place::Ready, |due_ms| Place::Delayed { due_ms });
        Self { place, claims: 0, wakes: 0, urgent: 0, bound: None }
    }

    /// When something happens to it by itself.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        match self.place {
            Place::Delayed { due_ms } | Place::Leased { until_ms: due_ms, .. } => Some(due_ms),
            Place::Parked { due_ms, .. } => due_ms,
            Place::Ready | Place::Dead { .. } => None,
        }
    }

    fn is_held_under(&self, wanted: &Lease) -> bool {
        matches!(&self.place, Place::Leased { lease, .. } if lease == wanted)
    }
}

/// What a claim offers for a run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Bid {
    /// A lease that nobody has had.
    pub lease: Lease,
    /// The end of the lease, in the store's milliseconds since 1970.
    pub until_ms: u64,
    /// The claims that may end in a crash.
    pub max_claims: u32,
    /// The worker's deployment.
    pub deployment: Arc<str>,
}

/// What the worker is told of a run that it got.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Deal {
    /// Claims since the run made progress, with this one.
    pub claims: u32,
    /// Whether it had crashed too many already.
    pub exhausted: bool,
    /// How often it was woken.
    pub wakes: u64,
    /// The deployment that had it, if that is another one.
    pub moved_from: Option<Arc<str>>,
}

/// What a release did to a run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Settled {
    /// The queue forgets it.
    Gone,
    /// It stands elsewhere now, or where it stood.
    Stands(Released),
}

/// Gives a run to a worker; `None` unless it is ready. The claim counts from here on: a worker that never comes back
/// cannot count it.
#[must_use]
pub fn claim(ticket: &mut Ticket, bid: Bid) -> Option<Deal> {
    if ticket.place != Place::Ready {
        return None;
    }
    let exhausted = ticket.claims >= bid.max_claims;
    ticket.claims = ticket.claims.saturating_add(1);
    ticket.place = Place::Leased { lease: bid.lease, until_ms: bid.until_ms };
    let before = ticket.bound.replace(Arc::clone(&bid.deployment));
    let moved_from = before.filter(|before| *before != bid.deployment);
    Some(Deal { claims: ticket.claims, exhausted, wakes: ticket.wakes, moved_from })
}

/// Prolongs a lease. One that ran out, and that nobody has taken back yet, is as good as any. After progress the claims before
/// this one do not count: what ends its workers again and again records nothing.
pub fn renew(ticket: &mut Ticket, wanted: &Lease, until: u64, progressed: bool) -> Renewed {
    match &mut ticket.place {
        Place::Leased { lease, until_ms } if lease == wanted => {
            *until_ms = until;
            if progressed {
                ticket.claims = ticket.claims.min(1);
            }
            Renewed::Kept { wakes: ticket.wakes }
        }
        _ => Renewed::Lost,
    }
}

/// Takes a run back whose lease has run out. Whether it was.
pub fn expire(ticket: &mut Ticket, now_ms: u64) -> bool {
    let over = matches!(ticket.place, Place::Leased { until_ms, .. } if until_ms <= now_ms);
    if over {
        ticket.place = Place::Ready;
    }
    over
}

/// Makes a run ready whose time has come. Whether it was.
pub fn promote(ticket: &mut Ticket, now_ms: u64) -> bool {
    let due = match ticket.place {
        Place::Delayed { due_ms } | Place::Parked { due_ms: Some(due_ms), .. } => due_ms <= now_ms,
        _ => false,
    };
    if due {
        ticket.place = Place::Ready;
    }
    due
}

/// Lets go of a run, if the lease is held.
#[must_use]
pub fn release(ticket: &mut Ticket, lease: &Lease, how: &Release, now_ms: u64) -> Settled {
    if !ticket.is_held_under(lease) {
        return Settled::Stands(Released::Lost);
    }
    match how {
        Release::Done => return Settled::Gone,
        Release::Back => {
            ticket.claims = ticket.claims.saturating_sub(1);
            ticket.place = Place::Ready;
        }
        Release::Retry(due) => {
            ticket.place = due.later_than(now_ms).map_or(Place::Ready, |due_ms| Place::Delayed { due_ms });
        }
        Release::Park(park) => return Settled::Stands(self::park(ticket, park, now_ms)),
        Release::Dead => ticket.place = Place::Dead { since_ms: now_ms },
    }
    Settled::Stands(Released::Released)
}

/// A wake that its worker did not know of when it last looked makes it ready instead.
fn park(ticket: &mut Ticket, park: &Park, now_ms: u64) -> Released {
    ticket.claims = 0;
    // The latest that it would have been woken by; an urgent one is never later than the latest of all.
    let latest = if park.on_message { ticket.wakes } else { ticket.urgent };
    let missed = latest > park.seen_wakes;
    let due_ms = park.due.map(|due| due.later_than(now_ms));
    ticket.place = match due_ms {
        _ if missed => Place::Ready,
        // Its time has come already.
        Some(None) => Place::Ready,
        due_ms => Place::Parked { due_ms: due_ms.flatten(), on_message: park.on_message },
    };
    if missed { Released::Woken } else { Released::Released }
}

/// Tells a run that there is something for it. It is counted wherever the run stands; whether it became ready.
pub fn wake(ticket: &mut Ticket, why: Wake) -> bool {
    ticket.wakes += 1;
    if why == Wake::Now {
        ticket.urgent = ticket.wakes;
    }
    let ready = match ticket.place {
        Place::Parked { on_message, .. } => on_message || why == Wake::Now,
        Place::Delayed { .. } => why == Wake::Now,
        Place::Ready | Place::Leased { .. } | Place::Dead { .. } => false,
    };
    if ready {
        ticket.place = Place::Ready;
    }
    ready
}

impl Park {
    /// Waits for a message, however long it takes.
    #[must_use]
    pub fn for_message(seen_wakes: u64) -> Self {
        Self { due: None, on_message: true, seen_wakes }
    }

    /// Waits for its time.
    #[must_use]
    pub fn until(due: Due, seen_wakes: u64) -> Self {
        Self { due: Some(due), on_message: false, seen_wakes }
    }
}
