//! `GET /runs/{id}/events`.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{StatusCode, request::Parts},
};

use super::{Named, expect_run};
use crate::{
    access::{Action, Pass},
    api::Shared,
    durable::{Reading, serve},
    events::RunStreams,
    problem::{Answer, Problem},
};

pub(super) async fn events(
    State(shared): State<Shared>,
    Path(Named { id }): Path<Named>,
    parts: Parts,
) -> Answer {
    let (run, pass) = expect_run(&shared, &parts, &id, Action::Read).await?;
    let streams = Arc::new(RunStreams(Arc::clone(shared.plane.sink())));
    let mut limits = shared.options.limits();
    limits.max_age = shorter(limits.max_age, pass);
    let request = Reading {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        limits,
        readers: &shared.readers,
    };
    // In the same words as of one that the caller may not know of.
    match serve(&streams, run.as_str(), request).await {
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Err(Problem::no_run(run.as_str())),
        answer => answer,
    }
}

/// How long a stream stays open: no longer than its reader was let in for.
pub(crate) fn shorter(max_age: Option<Duration>, pass: Pass) -> Option<Duration> {
    match pass {
        Pass::Open => max_age,
        Pass::Seconds(seconds) => {
            let left = Duration::from_secs(seconds);
            Some(max_age.map_or(left, |age| age.min(left)))
        }
    }
}
