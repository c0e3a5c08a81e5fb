//! The workflow that is killed: 50 calls, nested, parallel, caught, retried, streaming, sleeping, waiting for input.
//! Every value in its output is random, drawn inside the body that returns it.

use std::time::Duration;

use futures_util::future::try_join_all;
use gensx::prelude::*;
use serde::{Deserialize, Serialize};

use crate::common::{
    ledger::{self, ran},
    part,
};

/// Calls of components below the first one.
pub(crate) const CALLS: usize = 50;
/// The input that the workflow waits for, and how often.
pub(crate) const INPUT: &str = "answer";
pub(crate) const INPUTS: u64 = 2;
/// The attempt that succeeds where the first one fails.
pub(crate) const RETRIED_ATTEMPT: u32 = 2;
/// The text that a story streams is this many pieces.
const PIECES: u64 = 5;

/// Between a body's effect and its return.
const WORK: Duration = Duration::from_millis(8);
const PIECE_WORK: Duration = Duration::from_millis(3);
const NAP: Duration = Duration::from_millis(30);

/// What a component gives: where it stands in the program, its own value, and what it got from below.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) site: String,
    pub(crate) value: u64,
    pub(crate) parts: Vec<Made>,
}

pub(crate) fn made(site: &str, value: u64, parts: Vec<Made>) -> gensx::Result<Made> {
    Ok(Made { site: site.to_owned(), value, parts })
}

pub(crate) async fn work() {
    tokio::time::sleep(WORK).await;
}

#[component]
async fn step(site: &str, from: Vec<u64>) -> gensx::Result<Made> {
    let value = ran((site, &from));
    work().await;
    made(site, value, vec![])
}

#[component]
async fn team(site: &str, from: u64) -> gensx::Result<Made> {
    let value = ran((site, from));
    let names: Vec<String> = (0..4).map(|n| format!("{site}.{n}")).collect();
    let parts = try_join_all(names.iter().map(|name| step(name, vec![from]))).await?;
    made(site, value, parts)
}

#[component]
async fn middle(site: &str, from: u64) -> gensx::Result<Made> {
    let value = ran((site, from));
    let part = team(&format!("{site}.team"), from).await?;
    made(site, value, vec![part])
}

#[component]
async fn deep(site: &str, from: u64) -> gensx::Result<Made> {
    let value = ran((site, from));
    let part = middle(&format!("{site}.middle"), from).await?;
    made(site, value, vec![part])
}

/// Whether the body that runs here has run before, in any life.
fn ran_before() -> bool {
    let key = gensx::idempotency_key();
    let lines = ledger::read(&part::our_ledger());
    ledger::bodies(&lines).any(|body| Some(&body.key) == key.as_ref())
}

/// Fails if it never ran before, by the ledger: run again, it succeeds.
#[component]
async fn flaky(site: &str) -> gensx::Result<Made> {
    let before = ran_before();
    let value = ran((site,));
    work().await;
    if before { made(site, value, vec![]) } else { Err(gensx::Error::msg("refused").with_code("refused")) }
}

#[component]
async fn guarded(site: &str) -> gensx::Result<Made> {
    let value = ran((site,));
    let mut parts = match flaky(&format!("{site}.flaky")).await {
        Ok(lucky) => vec![lucky],
        Err(error) if error.code() == Some("refused") => vec![],
        Err(other) => return Err(other),
    };
    let from = parts.iter().map(|part| part.value).collect();
    parts.push(step(&format!("{site}.after"), from).await?);
    made(site, value, parts)
}

#[component(retry(max_attempts = 3, initial = "5ms", jitter = false))]
async fn retried(site: &str) -> gensx::Result<Made> {
    let value = ran((site,));
    work().await;
    match gensx::current().map(|current| current.attempt) {
        Some(RETRIED_ATTEMPT) => made(site, value, vec![]),
        attempt => Err(format!("attempt {attempt:?} fails").into()),
    }
}

#[component]
async fn story(site: &str) -> gensx::Result<Made> {
    let value = ran((site,));
    for n in 0..PIECES {
        gensx::emit_text("draft", &piece(value, n));
        tokio::time::sleep(PIECE_WORK).await;
    }
    made(site, value, vec![])
}

fn piece(value: u64, n: u64) -> String {
    format!("{value} says {n}; ")
}

/// The text of a story that gave `value`.
pub(crate) fn text_of(value: u64) -> String {
    (0..PIECES).map(|n| piece(value, n)).collect()
}

#[component]
async fn nap(site: &str) -> gensx::Result<Made> {
    let value = ran((site,));
    gensx::sleep(NAP).await?;
    made(site, value, vec![])
}

#[component]
async fn ask(site: &str) -> gensx::Result<Made> {
    let value = ran((site,));
    let answer = gensx::input(INPUT, None).await?;
    made(site, value, made(INPUT, answer, vec![]).into_iter().collect())
}

#[component]
pub(crate) async fn journey(site: String) -> gensx::Result<Made> {
    let value = ran((&site,));
    let drawn = gensx::random().await?;
    let mut parts = vec![step("first", vec![drawn]).await?];
    parts.push(team("team", parts[0].value).await?);
    let from = parts[1].value;
    parts.extend(try_join_all([guarded("guarded.a"), guarded("guarded.b")]).await?);
    parts.extend(try_join_all(["story.a", "story.b", "story.c", "story.d"].map(story)).await?);
    let (a, b, c) = tokio::join!(nap("nap.a"), nap("nap.b"), step("awake", vec![from]));
    parts.extend([a?, b?, c?]);
    parts.extend(try_join_all([deep("deep.a", from), deep("deep.b", from)]).await?);
    let twins = tokio::try_join!(step("twin", vec![from]), step("twin", vec![from]))?;
    parts.extend([twins.0, twins.1]);
    parts.extend(try_join_all(["retried.a", "retried.b"].map(retried)).await?);
    for site in ["ask.a", "ask.b"] {
        parts.push(ask(site).await?);
    }
    let mut last = from;
    for n in 0..10 {
        let part = step(&format!("chain.{n}"), vec![last]).await?;
        last = part.value;
        parts.push(part);
    }
    parts.push(step("last", parts.iter().map(|part| part.value).collect()).await?);
    made(&site, value, parts)
}
