//! What must be true of the runs, by the ledger and the stream.

use std::collections::{BTreeMap, BTreeSet};

use gensx::{Event, EventKind, RunStatus, event::Outcome};

use crate::{
    common::{
        ledger::{Body, bodies},
        stream,
    },
    driver::{JOURNEY, Journey, answer_to},
    flights::{all, at, claims, epoch_of, is_outcome},
    program::{CALLS, INPUT, INPUTS, Made, RETRIED_ATTEMPT, text_of},
};

pub(crate) type Check = fn(&[Journey]);

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("kills_land_between_the_first_and_the_last_event", kills_land_inside),
    ("every_call_is_in_flight_at_some_kill", every_call_is_in_flight),
    ("streams_are_whole_and_each_owner_has_one_block", streams_are_whole),
    ("no_recorded_call_runs_again", no_recorded_call_runs_again),
    ("an_unrecorded_call_runs_with_its_same_key", keys_stay_the_same),
    ("the_output_is_made_of_what_was_recorded", output_is_what_was_recorded),
    ("a_caught_failure_is_heard_again_though_it_would_succeed_now", failures_are_heard_again),
    ("an_attempt_that_a_kill_interrupts_uses_up_nothing", attempts_are_kept),
    ("the_text_since_a_calls_last_start_is_whole", text_is_whole),
    ("a_wait_begins_and_ends_once", waits_are_kept),
    ("an_answer_sent_many_times_is_heard_once", answers_are_heard_once),
    ("every_reader_sees_exactly_the_stream", readers_see_the_stream),
];

fn kills_land_inside(journeys: &[Journey]) {
    let kills: Vec<_> = journeys.iter().flat_map(|journey| &journey.kills).collect();
    let inside = kills.iter().filter(|kill| kill.seq > 0 && !kill.ended).count();
    println!(
        "{} kills in {} runs, {inside} of them between the first and the last event",
        kills.len(),
        journeys.len()
    );
    assert!(kills.len() >= JOURNEY.kills, "{} kills", kills.len());
    assert!(inside * 10 >= kills.len() * 9, "{inside} of {} kills", kills.len());
}

fn every_call_is_in_flight(journeys: &[Journey]) {
    let in_flight: BTreeSet<String> =
        journeys.iter().flat_map(|journey| journey.kills.iter().flat_map(|kill| at(journey, kill))).collect();
    let missing: Vec<_> = all(&journeys[0]).difference(&in_flight).cloned().collect();
    assert_eq!(missing, [""; 0], "in flight at no kill");
}

fn streams_are_whole(journeys: &[Journey]) {
    for journey in journeys {
        stream::expect_whole(&journey.events);
        let started = starts(journey).map(|event| event.call).collect::<BTreeSet<_>>();
        assert_eq!(started.len(), CALLS);
    }
}

pub(crate) fn no_recorded_call_runs_again(journeys: &[Journey]) {
    for journey in journeys {
        let claims = claims(journey);
        let outcomes = outcomes(journey);
        let mut once = BTreeSet::new();
        let mut owners = BTreeMap::new();
        for body in bodies(&journey.lines) {
            let epoch = epoch_of(journey, body.life);
            let claim = claims.get(&epoch).expect("a body runs only after its life's claim");
            assert_eq!(*owners.entry(epoch).or_insert(body.life), body.life, "two lives under one epoch");
            if let Some(outcome) = outcomes.get(&body.call) {
                assert!(outcome.id.seq > *claim, "{body:?} ran again after its outcome at {}", outcome.id);
            }
            assert!(once.insert((epoch, &body.call, body.attempt)), "{body:?} ran twice in one life");
        }
    }
}

fn keys_stay_the_same(journeys: &[Journey]) {
    let mut ran_again = 0;
    for journey in journeys {
        let mut by_site: BTreeMap<_, Vec<&Body>> = BTreeMap::new();
        for body in bodies(&journey.lines) {
            by_site.entry((&body.path, body.site())).or_default().push(body);
        }
        for (site, bodies) in by_site {
            // Values from above are among the inputs: they come from what was recorded.
            let inputs: BTreeSet<String> = bodies.iter().map(|body| body.inputs.to_string()).collect();
            assert_eq!(inputs.len(), 1, "{site:?} ran with other inputs: {inputs:?}");
            let keys: BTreeSet<_> = bodies.iter().map(|body| &body.key).collect();
            let calls: BTreeSet<_> = bodies.iter().map(|body| &body.call).collect();
            let expected = if site.1 == "twin" { 2 } else { 1 };
            assert_eq!((keys.len(), calls.len()), (expected, expected), "{site:?}");
            ran_again += bodies.len() - expected;
        }
    }
    assert!(ran_again > 0, "no call was interrupted, so nothing is shown");
}

pub(crate) fn output_is_what_was_recorded(journeys: &[Journey]) {
    for journey in journeys {
        let Some(EventKind::RunEnded { status: RunStatus::Succeeded, output: Some(output), .. }) =
            journey.events.last().map(|event| &event.kind)
        else {
            panic!("the run did not succeed: {:?}", journey.events.last());
        };
        let output: Made = serde_json::from_str(output.get()).unwrap();
        let mut used = Vec::new();
        output.parts.iter().for_each(|part| collect(part, &mut used));
        let mut recorded = Vec::new();
        for (call, event) in outcomes(journey).into_iter().filter(|(call, _)| is_component(journey, call)) {
            if let EventKind::Ended { outcome: Outcome::Output { json, .. } } = &event.kind {
                let made: Made = serde_json::from_str(json.get()).unwrap();
                let drawn = |body: &Body| {
                    body.call == call
                        && body.value == made.value
                        && epoch_of(journey, body.life) == event.id.epoch
                };
                assert!(bodies(&journey.lines).any(drawn), "no body drew what {} records", event.id);
                recorded.push(json.get().to_owned());
            }
        }
        used.sort();
        recorded.sort();
        assert_eq!(used, recorded);
    }
}

/// Every part of an output, as JSON; without what came from outside.
fn collect(made: &Made, parts: &mut Vec<String>) {
    if made.site != INPUT {
        parts.push(serde_json::to_string(made).unwrap());
        made.parts.iter().for_each(|part| collect(part, parts));
    }
}

fn failures_are_heard_again(journeys: &[Journey]) {
    let mut heard_again = 0;
    for journey in journeys {
        for (call, event) in outcomes(journey) {
            if !matches!(&event.kind, EventKind::Ended { outcome: Outcome::Failed(_) }) {
                continue;
            }
            // The body succeeds whenever the ledger holds an earlier line of it: a second run would have succeeded.
            let ran = bodies(&journey.lines).filter(|body| body.call == call).count();
            assert_eq!(ran, 1, "a failure at {} whose body ran {ran} times", event.id);
            let parents = bodies(&journey.lines).filter(|body| body.site() == "journey");
            let since = parents.filter(|body| claims(journey)[&epoch_of(journey, body.life)] > event.id.seq);
            heard_again += since.count();
        }
    }
    println!("caught failures were heard again {heard_again} times");
    assert!(heard_again > 0, "no failure was recorded before a kill");
}

fn attempts_are_kept(journeys: &[Journey]) {
    for journey in journeys {
        for body in bodies(&journey.lines).filter(|body| body.site().starts_with("retried")) {
            let outcome = outcomes(journey)[&body.call];
            assert_eq!(outcome.attempt, RETRIED_ATTEMPT, "{body:?}");
            let retries =
                of_call(journey, &body.call).filter(|kind| matches!(kind, EventKind::Retried { .. }));
            assert_eq!(retries.count(), 1, "{body:?}");
        }
    }
}

fn text_is_whole(journeys: &[Journey]) {
    for journey in journeys {
        for body in bodies(&journey.lines).filter(|body| body.site().starts_with("story")) {
            let mut text = String::new();
            for kind in of_call(journey, &body.call) {
                match kind {
                    EventKind::Started { .. } => text.clear(),
                    EventKind::Text { text: piece, .. } => text.push_str(piece),
                    EventKind::Ended { outcome: Outcome::Output { json, .. } } => {
                        let made: Made = serde_json::from_str(json.get()).unwrap();
                        assert_eq!(text, text_of(made.value));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn waits_are_kept(journeys: &[Journey]) {
    for journey in journeys {
        let mut waits: BTreeMap<_, (usize, usize)> = BTreeMap::new();
        for event in &journey.events {
            match &event.kind {
                EventKind::TimerSet { .. } | EventKind::InputRequested { .. } => {
                    waits.entry(event.call).or_default().0 += 1;
                }
                EventKind::TimerFired | EventKind::InputReceived { .. } => {
                    waits.entry(event.call).or_default().1 += 1;
                }
                _ => {}
            }
        }
        assert_eq!(waits.len() as u64, 2 + INPUTS);
        assert!(waits.values().all(|counts| *counts == (1, 1)), "{waits:?}");
    }
}

fn answers_are_heard_once(journeys: &[Journey]) {
    for journey in journeys {
        let heard: Vec<u64> = journey
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::InputReceived { data, .. } => Some(data.get().parse().unwrap()),
                _ => None,
            })
            .collect();
        assert_eq!(heard, (1..=INPUTS).map(answer_to).collect::<Vec<_>>());
    }
}

pub(crate) fn readers_see_the_stream(journeys: &[Journey]) {
    for journey in journeys {
        let stream: Vec<String> = journey.events.iter().map(Event::to_json).collect();
        for view in &journey.views {
            assert_eq!(view.iter().map(Event::to_json).collect::<Vec<_>>(), stream);
        }
    }
}

/// The outcome of each call that has one; two would show that it ran again.
pub(crate) fn outcomes(journey: &Journey) -> BTreeMap<String, &Event> {
    let mut outcomes = BTreeMap::new();
    for event in journey.events.iter().filter(|event| is_outcome(event)) {
        let call = event.call.expect("an outcome is a call's").to_string();
        assert!(outcomes.insert(call, event).is_none(), "{} is a second outcome", event.id);
    }
    outcomes
}

fn starts(journey: &Journey) -> impl Iterator<Item = &Event> {
    journey.events.iter().filter(|event| matches!(event.kind, EventKind::Started { .. }))
}

fn is_component(journey: &Journey, call: &str) -> bool {
    bodies(&journey.lines).any(|body| body.call == call)
}

/// What the stream says of one call.
fn of_call<'a>(journey: &'a Journey, call: &str) -> impl Iterator<Item = &'a EventKind> {
    let of_it = |event: &&Event| event.call.is_some_and(|it| it.to_string() == call);
    journey.events.iter().filter(of_it).map(|event| &event.kind).collect::<Vec<_>>().into_iter()
}
