//! A workflow whose calls are pipelined, with strict ones between them, and what must be true of its runs.

use std::collections::{BTreeMap, BTreeSet};

use gensx::prelude::*;

use crate::{
    checks::{
        Check, no_recorded_call_runs_again, outcomes, output_is_what_was_recorded, readers_see_the_stream,
    },
    common::{
        ledger::{Body, bodies, ran},
        stream,
    },
    driver::Journey,
    program::{Made, made, work},
};

const LAPS: usize = 6;
/// Pipelined calls before each strict one.
const HANDS: usize = 6;

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("outcomes_are_recorded_in_their_order", outcomes_keep_their_order),
    ("a_strict_call_hears_only_what_is_durable", strict_calls_are_barriers),
    ("kills_lose_outcomes_that_were_given_early", outcomes_are_lost),
    ("no_recorded_call_runs_again", no_recorded_call_runs_again),
    ("the_output_is_made_of_what_was_recorded", output_is_what_was_recorded),
    ("every_reader_sees_exactly_the_stream", readers_see_the_stream),
];

#[component(durability = "pipelined")]
async fn hand(site: &str, from: u64) -> gensx::Result<Made> {
    let value = ran((site, from));
    made(site, value, vec![])
}

#[component]
async fn post(site: &str, from: u64) -> gensx::Result<Made> {
    let value = ran((site, from));
    work().await;
    made(site, value, vec![])
}

/// Each call is given what the one before it drew.
#[component]
pub(crate) async fn relay(site: String) -> gensx::Result<Made> {
    let value = ran((&site,));
    let mut parts = Vec::new();
    let mut last = 0;
    for site in sites() {
        let part = if is_strict(&site) { post(&site, last).await? } else { hand(&site, last).await? };
        last = part.value;
        parts.push(part);
    }
    made(&site, value, parts)
}

/// Where the calls stand in the program, in its order.
fn sites() -> impl Iterator<Item = String> {
    let lap = |lap| (0..HANDS).map(move |n| format!("hand.{lap}.{n}")).chain([format!("post.{lap}")]);
    (0..LAPS).flat_map(lap)
}

fn is_strict(site: &str) -> bool {
    site.starts_with("post")
}

fn outcomes_keep_their_order(journeys: &[Journey]) {
    for journey in journeys {
        stream::expect_whole(&journey.events);
        let calls: BTreeMap<&str, &str> =
            bodies(&journey.lines).map(|body| (body.call.as_str(), body.site())).collect();
        let mut recorded: Vec<_> =
            outcomes(journey).iter().map(|(call, event)| (event.id, calls[call.as_str()])).collect();
        recorded.sort_unstable();
        assert!(recorded.iter().map(|(_, site)| *site).eq(sites()), "{recorded:?}");
    }
}

fn strict_calls_are_barriers(journeys: &[Journey]) {
    for journey in journeys {
        let recorded = recorded_values(journey);
        for body in heirs(journey).filter(|body| is_strict(body.site())) {
            assert!(recorded.contains(&from(body)), "{body:?} was given what is not on the stream");
        }
    }
}

/// Otherwise nothing is shown: each outcome was durable before it was used.
fn outcomes_are_lost(journeys: &[Journey]) {
    let lost = |journey: &Journey| {
        let recorded = recorded_values(journey);
        heirs(journey).filter(|body| !recorded.contains(&from(body))).count()
    };
    let lost: usize = journeys.iter().map(lost).sum();
    println!("{lost} bodies ran with an outcome that a kill took back");
    assert!(lost > 0, "no outcome was given before it was durable");
}

/// Bodies that were given what another one drew.
fn heirs(journey: &Journey) -> impl Iterator<Item = &Body> {
    bodies(&journey.lines).filter(|body| body.inputs.get(1).is_some() && from(body) > 0)
}

fn from(body: &Body) -> u64 {
    body.inputs[1].as_u64().expect("the second input is what the call before it drew")
}

fn recorded_values(journey: &Journey) -> BTreeSet<u64> {
    let drawn = |event: &&gensx::Event| match &event.kind {
        gensx::EventKind::Ended { outcome: gensx::event::Outcome::Output { json, .. } } => {
            serde_json::from_str::<Made>(json.get()).unwrap().value
        }
        other => panic!("{other:?}"),
    };
    outcomes(journey).values().map(drawn).collect()
}
