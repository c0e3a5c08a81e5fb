//! Which calls were in flight when a process was killed.

use std::collections::{BTreeMap, BTreeSet};

use gensx::{CallId, Event, EventKind, event::Outcome};

use crate::{
    common::ledger::{bodies, lives},
    driver::{Journey, Kill},
};

/// Every call of a run that went to its end undisturbed, by where it stands in the program.
pub(crate) fn all(journey: &Journey) -> BTreeSet<String> {
    let waits = journey.events.iter().filter_map(|event| wait(journey, event));
    bodies(&journey.lines).map(|body| body.site().to_owned()).chain(waits).collect()
}

/// The calls that had begun in the life that was killed, and had no outcome on the stream.
pub(crate) fn at(journey: &Journey, kill: &Kill) -> BTreeSet<String> {
    let ended: BTreeSet<String> =
        until(journey, kill).filter(|event| is_outcome(event)).filter_map(call).collect();
    let open = bodies(&journey.lines)
        .filter(|body| body.life == kill.life && !ended.contains(&body.call))
        .map(|body| body.site().to_owned());
    let epoch = epoch_of(journey, kill.life);
    let waits = until(journey, kill)
        .filter(|event| event.id.epoch == epoch && !ended.contains(&call(event).unwrap_or_default()))
        .filter_map(|event| wait(journey, event));
    // The run's own outcome is its last event.
    if kill.ended { BTreeSet::new() } else { open.chain(waits).collect() }
}

fn until<'a>(journey: &'a Journey, kill: &Kill) -> impl Iterator<Item = &'a Event> {
    let seq = kill.seq;
    journey.events.iter().take_while(move |event| event.id.seq <= seq)
}

fn call(event: &Event) -> Option<String> {
    event.call.map(|call| call.to_string())
}

/// The sleep or the wait for input that begins with this event.
fn wait(journey: &Journey, event: &Event) -> Option<String> {
    let (what, parent) = match &event.kind {
        EventKind::TimerSet { parent, .. } => ("sleep", parent),
        EventKind::InputRequested { parent, .. } => ("input", parent),
        _ => return None,
    };
    Some(format!("{what} in {}", site_of(journey, *parent)))
}

fn site_of(journey: &Journey, call: CallId) -> String {
    let call = call.to_string();
    let body = bodies(&journey.lines).find(|body| body.call == call);
    body.expect("a call that waits has a body").site().to_owned()
}

/// Whether it settles its call for good.
pub(crate) fn is_outcome(event: &Event) -> bool {
    match &event.kind {
        EventKind::Ended { outcome } => !matches!(outcome, Outcome::Cancelled),
        EventKind::TimerFired | EventKind::InputReceived { .. } => true,
        _ => false,
    }
}

/// The epoch under which a life worked: the one after the last that it found.
pub(crate) fn epoch_of(journey: &Journey, life: u32) -> u32 {
    let found = lives(&journey.lines).find(|line| line.life == life);
    found.map_or(0, |line| line.epoch + 1)
}

/// For each epoch, the position of its first event: what is before it, its owner knew.
pub(crate) fn claims(journey: &Journey) -> BTreeMap<u32, u64> {
    let mut claims = BTreeMap::new();
    for event in &journey.events {
        claims.entry(event.id.epoch).or_insert(event.id.seq);
    }
    claims
}
