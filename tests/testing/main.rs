//! The test runtime, tested: time, doubles, failures, the record of calls, and crash points.
#![allow(missing_docs)]

mod alone;
mod crashes;
mod doubles;
mod failures;
mod record;
mod waits;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use gensx::{
    Fate,
    prelude::*,
    testing::{Happened, Inputs, Problem, TestRuntime, crash_points},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Far less than any virtual wait below, far more than a machine under load takes for none.
const NO_TIME: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum SearchError {
    #[error("the search is down")]
    Down,
    #[error("{0} may not be searched for")]
    Forbidden(String),
}

fn may_pass(error: &gensx::Error) -> bool {
    error.fate() != Some(Fate::Permanent) && !matches!(error.find(), Some(SearchError::Forbidden(_)))
}

#[component(retry(max_attempts = 4, initial = "1h", factor = 2.0, max = "1d", jitter = false, when = may_pass))]
async fn research(topic: String) -> Result<Vec<String>, SearchError> {
    if topic == "secrets" {
        return Err(SearchError::Forbidden(topic));
    }
    Ok(vec![format!("{topic} is old"), format!("{topic} is new")])
}

#[component]
async fn write(fact: &str, style: Option<String>) -> gensx::Result<String> {
    gensx::emit_text("draft", fact);
    Ok(format!("{fact}{}", style.unwrap_or_default()))
}

#[component]
async fn blog(topic: String) -> gensx::Result<String> {
    let mut text = String::new();
    for fact in research(topic).await? {
        text.push_str(&write(&fact, Some("!".to_owned())).await?);
    }
    Ok(text)
}
