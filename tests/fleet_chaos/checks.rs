//! What must be true of the runs, by the ledgers and the streams, and of what is left.

use std::collections::{BTreeMap, BTreeSet};

use gensx::{Event, EventKind, RunStatus, event::Outcome, queue::QueueStats};

use crate::{
    driver::{Journey, Seen},
    program::{CALLS, INPUT, Made, asks},
    stream,
};

pub(crate) type Check = fn(&Seen);

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("everything_was_struck_at", everything_was_struck_at),
    ("streams_are_whole_and_each_owner_has_one_block", streams_are_whole),
    ("every_run_has_the_output_that_is_made_of_what_was_recorded", outputs_are_right),
    ("no_recorded_call_runs_again", no_recorded_call_runs_again),
    ("an_unrecorded_call_runs_again_with_its_same_key", keys_stay_the_same),
    ("a_wait_begins_and_ends_once", waits_are_kept),
    ("nothing_is_left", nothing_is_left),
];

fn each(seen: &Seen, check: impl Fn(&Journey)) {
    for journey in &seen.journeys {
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(journey)));
        if checked.is_err() {
            let events: Vec<_> = journey.events.iter().map(Event::to_json).collect();
            panic!("run {}, seed {}: {events:#?}\n{:#?}", journey.n, seen.seed, journey.lines);
        }
    }
}

fn everything_was_struck_at(seen: &Seen) {
    let journeys = &seen.journeys;
    let epochs = |journey: &Journey| journey.events.last().map_or(0, |last| last.id.epoch);
    let takeovers: u32 = journeys.iter().map(|journey| epochs(journey).saturating_sub(2)).sum();
    let moved: usize = journeys.iter().map(changes_of_owner).sum();
    let most = journeys.iter().map(epochs).max().unwrap_or_default();
    let bodies: usize = journeys.iter().map(|journey| journey.lines.len()).sum();
    let lost: usize = journeys.iter().map(lost_bodies).sum();
    println!(
        "{:?}; {} runs were taken over {takeovers} times, {moved} of them by another worker, at most {most} epochs; {bodies} \
         bodies ran, {lost} of them in vain",
        seen.done,
        journeys.len()
    );
    let done = seen.done;
    for count in [done.kills, done.stops, done.drains, done.restarts] {
        assert!(count > 0, "{done:?}");
    }
    assert!(done.cut_offs >= 2, "{done:?}");
    assert!(takeovers > 0 && moved > 0 && lost > 0, "nothing was interrupted");
}

fn changes_of_owner(journey: &Journey) -> usize {
    let owners: Vec<&String> = journey
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::RunClaimed { owner, .. } => Some(owner),
            _ => None,
        })
        .collect();
    owners.windows(2).filter(|two| two[0] != two[1]).count()
}

/// Bodies of calls below the first one that ran, and whose outcome is not the recorded one.
fn lost_bodies(journey: &Journey) -> usize {
    journey.lines.iter().filter(|line| line.site != "journey").count() - CALLS
}

fn streams_are_whole(seen: &Seen) {
    each(seen, |journey| {
        stream::expect_whole(&journey.events);
        let begun: BTreeSet<_> = journey
            .events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Started { .. }))
            .map(|event| event.call)
            .collect();
        assert_eq!(begun.len(), CALLS);
    });
}

fn outputs_are_right(seen: &Seen) {
    each(seen, |journey| {
        let last = journey.events.last().expect("a run that was started has a stream");
        let EventKind::RunEnded { status: RunStatus::Succeeded, output: Some(output), .. } = &last.kind
        else {
            panic!("the run did not succeed: {last:?}");
        };
        let output: Made = serde_json::from_str(output.get()).unwrap();
        expect_drawn(journey, None, &output, last);
        let mut used = Vec::new();
        output.parts.iter().for_each(|part| collect(part, &mut used));
        let mut recorded = Vec::new();
        for (call, event) in outcomes(journey) {
            match &event.kind {
                EventKind::Ended { outcome: Outcome::Output { json, .. } } => {
                    expect_drawn(journey, Some(&call), &serde_json::from_str(json.get()).unwrap(), event);
                    recorded.push(json.get().to_owned());
                }
                EventKind::Ended { outcome } => panic!("{} is {outcome:?}", event.id),
                _ => {}
            }
        }
        assert_eq!(recorded.len(), CALLS);
        used.sort();
        recorded.sort();
        assert_eq!(used, recorded);
    });
}

/// A body of the call drew the recorded value, in the hands of whoever recorded it.
fn expect_drawn(journey: &Journey, call: Option<&str>, made: &Made, event: &Event) {
    let drawn = journey.lines.iter().any(|line| {
        line.value == made.value
            && line.site == made.site
            && line.epoch == event.id.epoch
            && call.is_none_or(|call| call == line.call)
    });
    assert!(drawn, "no body drew what {} records", event.id);
}

/// Every part of an output, as JSON; without what came from outside.
fn collect(made: &Made, parts: &mut Vec<String>) {
    if made.site != INPUT {
        parts.push(serde_json::to_string(made).unwrap());
        made.parts.iter().for_each(|part| collect(part, parts));
    }
}

fn no_recorded_call_runs_again(seen: &Seen) {
    each(seen, |journey| {
        let mut claims = BTreeMap::new();
        for event in &journey.events {
            claims.entry(event.id.epoch).or_insert(event.id.seq);
        }
        let outcomes = outcomes(journey);
        let mut once = BTreeSet::new();
        for line in &journey.lines {
            let claim = claims.get(&line.epoch).expect("a body runs only after its owner's claim");
            if let Some(outcome) = outcomes.get(&line.call) {
                assert!(outcome.id.seq > *claim, "{line:?} ran again after its outcome at {}", outcome.id);
            }
            assert!(once.insert((line.epoch, &line.call)), "{line:?} ran twice under one claim");
        }
    });
}

fn keys_stay_the_same(seen: &Seen) {
    each(seen, |journey| {
        let mut sites: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for line in &journey.lines {
            sites.entry(&line.site).or_default().insert((&line.call, &line.key));
        }
        assert_eq!(sites.len(), CALLS + 1);
        assert!(sites.values().all(|calls| calls.len() == 1), "{sites:?}");
        let keys: BTreeSet<_> = sites.values().flatten().map(|(_, key)| key).collect();
        assert_eq!(keys.len(), sites.len(), "two calls have one key");
    });
}

fn waits_are_kept(seen: &Seen) {
    each(seen, |journey| {
        let count = |wanted: fn(&EventKind) -> bool| {
            journey.events.iter().filter(|event| wanted(&event.kind)).count()
        };
        let timers = [
            count(|kind| matches!(kind, EventKind::TimerSet { .. })),
            count(|kind| matches!(kind, EventKind::TimerFired)),
        ];
        let inputs = [
            count(|kind| matches!(kind, EventKind::InputRequested { .. })),
            count(|kind| matches!(kind, EventKind::InputReceived { .. })),
        ];
        let expected = if asks(journey.n) { ([0, 0], [1, 1]) } else { ([1, 1], [0, 0]) };
        assert_eq!((timers, inputs), expected);
        for event in &journey.events {
            if let EventKind::InputReceived { data, .. } = &event.kind {
                assert_eq!(data.get(), journey.n.to_string());
            }
        }
    });
}

fn nothing_is_left(seen: &Seen) {
    assert_eq!(seen.stats, QueueStats::default());
    // It numbers leases.
    let left: Vec<&str> = seen.left.iter().map(String::as_str).collect();
    assert_eq!(left, ["gensx:{gensx:queue}:counts"]);
}

/// The outcome of each call that has one; two would show that it ran again.
fn outcomes(journey: &Journey) -> BTreeMap<String, &Event> {
    let mut outcomes = BTreeMap::new();
    for event in &journey.events {
        let settles = match &event.kind {
            EventKind::Ended { outcome } => !matches!(outcome, Outcome::Cancelled),
            EventKind::TimerFired | EventKind::InputReceived { .. } => true,
            _ => false,
        };
        if settles {
            let call = event.call.expect("an outcome is a call's").to_string();
            assert!(outcomes.insert(call, event).is_none(), "{} is a second outcome", event.id);
        }
    }
    outcomes
}
