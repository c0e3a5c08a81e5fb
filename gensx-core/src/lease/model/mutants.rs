//! A mistake in each function, one at a time. The exploration must find every one.

use super::{TROUBLES, explore::explore, rules::Rules, world::World};
use crate::{
    EventId,
    lease::{self, Beat, Ending, Heard, Place, Settled, Takeover},
    queue::{Release, Released, Renewed, Wake},
    sink::{self, Append},
};

fn mutants() -> Vec<(&'static str, Rules)> {
    let real = Rules::real();
    vec![
        (
            "claim: a leased run is given again",
            Rules {
                claim: |ticket, bid| {
                    ticket.place = Place::Ready;
                    lease::claim(ticket, bid)
                },
                ..real
            },
        ),
        (
            "claim: it does not count",
            Rules {
                claim: |ticket, bid| {
                    let before = ticket.claims;
                    let deal = lease::claim(ticket, bid);
                    ticket.claims = before;
                    deal
                },
                ..real
            },
        ),
        (
            "renew: whoever asks has the lease",
            Rules {
                renew: |ticket, lease, until_ms, _| {
                    ticket.place = Place::Leased { lease: lease.clone(), until_ms };
                    Renewed::Kept { wakes: ticket.wakes }
                },
                ..real
            },
        ),
        (
            "renew: a lease is always kept",
            Rules { renew: |ticket, _, _, _| Renewed::Kept { wakes: ticket.wakes }, ..real },
        ),
        (
            "renew: it is progress, whatever is told",
            Rules { renew: |ticket, lease, until_ms, _| lease::renew(ticket, lease, until_ms, true), ..real },
        ),
        ("expire: never", Rules { expire: |_, _| false, ..real }),
        (
            "expire: the run is dead",
            Rules {
                expire: |ticket, now_ms| {
                    let over = lease::expire(ticket, now_ms);
                    if over {
                        ticket.place = Place::Dead { since_ms: now_ms };
                    }
                    over
                },
                ..real
            },
        ),
        ("promote: never", Rules { promote: |_, _| false, ..real }),
        (
            "release: whose lease it is does not matter",
            Rules {
                release: |ticket, _, how, now_ms| match ticket.place.clone() {
                    Place::Leased { lease, .. } => lease::release(ticket, &lease, how, now_ms),
                    _ => Settled::Stands(Released::Lost),
                },
                ..real
            },
        ),
        (
            "release: giving back counts as a crash",
            Rules {
                release: |ticket, lease, how, now_ms| {
                    let before = ticket.claims;
                    let settled = lease::release(ticket, lease, how, now_ms);
                    if *how == Release::Back {
                        ticket.claims = before;
                    }
                    settled
                },
                ..real
            },
        ),
        (
            "park: a wake before it is missed",
            Rules {
                release: |ticket, lease, how, now_ms| match how.clone() {
                    Release::Park(mut park) => {
                        park.seen_wakes = u64::MAX;
                        lease::release(ticket, lease, &Release::Park(park), now_ms)
                    }
                    how => lease::release(ticket, lease, &how, now_ms),
                },
                ..real
            },
        ),
        (
            "park: it is no progress",
            Rules {
                release: |ticket, lease, how, now_ms| {
                    let before = ticket.claims;
                    let settled = lease::release(ticket, lease, how, now_ms);
                    if matches!(how, Release::Park(_)) {
                        ticket.claims = before;
                    }
                    settled
                },
                ..real
            },
        ),
        (
            "wake: only a parked run is told",
            Rules {
                wake: |ticket, why| matches!(ticket.place, Place::Parked { .. }) && lease::wake(ticket, why),
                ..real
            },
        ),
        (
            "wake: it is counted, and wakes nobody",
            Rules {
                wake: |ticket, _| {
                    ticket.wakes += 1;
                    false
                },
                ..real
            },
        ),
        (
            "cancel: a parked run is not woken",
            Rules { wake: |ticket, why| why == Wake::Message && lease::wake(ticket, why), ..real },
        ),
        (
            "append: an old owner is not fenced",
            Rules {
                judge: |standing, batch| match sink::judge(standing, batch) {
                    Append::Fenced => Append::Done,
                    answer => answer,
                },
                ..real
            },
        ),
        (
            "append: a hole is left",
            Rules {
                judge: |standing, batch| match sink::judge(standing, batch) {
                    Append::Lost => Append::Done,
                    answer => answer,
                },

                ..real
            },
        ),
        (
            "append: a repetition is a new event",
            Rules {
                judge: |standing, batch| match sink::judge(standing, batch) {
                    Append::Duplicate => Append::Done,
                    answer => answer,
                },
                ..real
            },
        ),
        (
            "takeover: under the same epoch",
            Rules {
                takeover: |head, first| match lease::takeover(head, first) {
                    Takeover::Claim(EventId { epoch, seq }) => Takeover::Claim(EventId::new(epoch - 1, seq)),
                    takeover => takeover,
                },
                ..real
            },
        ),
        (
            "takeover: a run without a stream is gone",
            Rules { takeover: |head, _| lease::takeover(head, false), ..real },
        ),
        ("takeover: what was read is not confirmed", Rules { confirms: |_, _| true, ..real }),
        (
            "failover: what is lost is taken for durable",
            Rules {
                heard: |answer| if answer == Append::Lost { Heard::Durable } else { lease::heard(answer) },
                ..real
            },
        ),
        (
            "fence: who is fenced goes on",
            Rules {
                heard: |answer| if answer == Append::Fenced { Heard::Durable } else { lease::heard(answer) },
                ..real
            },
        ),
        (
            "fence: a repetition is taken for another's",
            Rules {
                heard: |answer| if answer == Append::Duplicate { Heard::Ended } else { lease::heard(answer) },
                ..real
            },
        ),
        (
            "beat: who has lost the lease goes on",
            Rules {
                beat: |answer, wakes, since_ms, lease_ms| match lease::beat(answer, wakes, since_ms, lease_ms)
                {
                    Beat::Stop => Beat::GoOn { wakes },
                    beat => beat,
                },
                ..real
            },
        ),
        (
            "drain: the run is done",
            Rules {
                release_of: |ending| match ending {
                    Ending::Drained => Release::Done,
                    ending => lease::release_of(ending),
                },
                ..real
            },
        ),
        (
            "fence: the run is done",
            Rules {
                release_of: |ending| match ending {
                    Ending::Fenced => Release::Done,
                    ending => lease::release_of(ending),
                },
                ..real
            },
        ),
        (
            "release_of: what ended is given back",
            Rules {
                release_of: |ending| match ending {
                    Ending::Ended => Release::Back,
                    ending => lease::release_of(ending),
                },
                ..real
            },
        ),
    ]
}

#[test]
fn a_mistake_in_any_function_is_found() {
    let missed: Vec<_> = mutants()
        .into_iter()
        .filter(|(_, rules)| {
            (1..=TROUBLES).all(|troubles| explore(World::new(2, 1, troubles), *rules).is_ok())
        })
        .map(|(name, _)| name)
        .collect();
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
