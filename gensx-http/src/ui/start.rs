//! Answering a message of a chat: a run is started, and its parts are sent.

use axum::{
    extract::{Path, State},
    http::{StatusCode, request::Parts},
};
use gensx_core::{Event, EventKind, RunId, event::Json};
use serde_json::Value;

use super::{
    Workflow,
    chat::{ChatRun, ChatRuns, MAX_TURNS},
    location,
    same::is_same,
    stream::{From, Reading, answer},
};
use crate::{
    access::{Action, Ask, Pass},
    api::Shared,
    body::UnnamedJsonBody,
    problem::{Answer, Problem},
};

/// How often another turn is tried where other requests took it.
const MAX_TRIES: u32 = 8;
/// What the client asks for when an answer is to be given once more.
const REGENERATE: &str = "regenerate-message";

/// `POST /ui/{workflow}`: the answer to a chat's last message, as it comes.
pub(super) async fn stream(
    State(shared): State<Shared>,
    Path(Workflow { workflow }): Path<Workflow>,
    parts: Parts,
    UnnamedJsonBody(body): UnnamedJsonBody,
) -> Answer {
    let seat = shared.readers.seat()?;
    let (run, pass) = begin(&shared, &parts, &workflow, &body).await?;
    answer(&shared, Reading { run, pass, seat, from: From::Beginning }).await
}

/// `POST /ui/{workflow}/parts`: 201, and where the parts of the answer are read.
pub(super) async fn parts(
    State(shared): State<Shared>,
    Path(Workflow { workflow }): Path<Workflow>,
    parts: Parts,
    UnnamedJsonBody(body): UnnamedJsonBody,
) -> Answer {
    let (run, _) = begin(&shared, &parts, &workflow, &body).await?;
    Ok(location(&shared, &parts, StatusCode::CREATED, &run))
}

/// Checks who asks and what is given, and starts the run, or finds it where the same was asked before.
async fn begin(
    shared: &Shared,
    parts: &Parts,
    workflow: &str,
    body: &Json,
) -> Result<(RunId, Pass), Problem> {
    shared.access.expect(parts, Ask::to_start(workflow)).await?;
    if let Some(described) = shared.catalogue.get(workflow)? {
        described.check(body)?;
    }
    let request: Value = serde_json::from_str(body.get())
        .map_err(|error| Problem::bad_request(format!("Invalid JSON: {error}")))?;
    match request["id"].as_str() {
        Some(chat) => {
            let chat = ChatRuns::of(workflow, chat);
            Message { shared, parts, workflow, body, request: &request, chat }.begin().await
        }
        // A client that says of no chat that it is its own is told the run, and comes back with that.
        None => Ok((shared.plane.start(workflow, body, None).await?.run, Pass::Open)),
    }
}

/// A message of a chat.
struct Message<'a> {
    shared: &'a Shared,
    parts: &'a Parts,
    workflow: &'a str,
    body: &'a Json,
    request: &'a Value,
    chat: ChatRuns,
}

impl Message<'_> {
    async fn begin(&self) -> Result<(RunId, Pass), Problem> {
        let plane = &self.shared.plane;
        let mut last = self.chat.last(plane).await?;
        for _ in 0..MAX_TRIES {
            if let Some(last) = &last {
                let pass = self.expect_own(last).await?;
                if self.was_sent_before(last).await? {
                    return Ok((last.run.clone(), pass));
                }
            }
            let turn = self.chat.next(last.as_ref().map(|last| last.turn)).ok_or_else(too_many)?;
            let started = plane.start_as(self.workflow, &self.chat.id(turn)?, self.body).await?;
            if !started.existed {
                return Ok((started.run, Pass::Open));
            }
            // Another request was faster: this one goes behind it, unless it is the same.
            last = self.chat.look(plane, turn).await?.or(last);
        }
        Err(busy())
    }

    /// Nobody goes on with a chat of somebody else's, whose next answer would be another's.
    async fn expect_own(&self, last: &ChatRun) -> Result<Pass, Problem> {
        let ask = Ask::of_run(Action::Read, &last.run);
        self.shared.access.expect(self.parts, ask).await.map_err(|problem| match problem.status() {
            StatusCode::NOT_FOUND => {
                let text = "this caller may not read what was answered in this chat before";
                Problem::new(StatusCode::FORBIDDEN, "denied", text)
            }
            _ => problem,
        })
    }

    /// Whether the chat's last run is the answer to this. One that is to be given once more is the same only as long as it is
    /// being given.
    async fn was_sent_before(&self, last: &ChatRun) -> Result<bool, Problem> {
        if self.request["trigger"] == REGENERATE && last.head.status.is_ended() {
            return Ok(false);
        }
        let page = self.shared.plane.sink().read(&last.run, 0, 1).await?;
        let Some(first) = page.first() else { return Ok(false) };
        let EventKind::RunStarted { input: Some(input), .. } = Event::decode(first.id, &first.payload)?.kind
        else {
            return Ok(false);
        };
        Ok(serde_json::from_str(input.get()).is_ok_and(|recorded: Value| is_same(&recorded, self.request)))
    }
}

fn too_many() -> Problem {
    let text = format!("this chat was answered {MAX_TURNS} times today, which is the limit");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_turns", text)
}

fn busy() -> Problem {
    let text = "other messages of this chat are being sent: send this one again";
    Problem::new(StatusCode::CONFLICT, "busy", text)
}
