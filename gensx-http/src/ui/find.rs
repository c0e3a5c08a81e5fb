//! From a chat to the run that answers it.

use axum::http::{StatusCode, request::Parts};
use gensx_core::RunId;

use super::{Chat, chat::ChatRuns};
use crate::{
    access::{Action, Ask, Pass},
    api::Shared,
    problem::Problem,
};

/// A run that the caller may do this to.
pub(super) struct Found {
    pub(super) run: RunId,
    pub(super) pass: Pass,
    ended: bool,
}

/// The run that a path names, or the last one of the chat that it names. One that the caller may not know of is answered as
/// none.
pub(super) async fn find(
    shared: &Shared,
    parts: &Parts,
    path: &Chat,
    action: Action,
) -> Result<Option<Found>, Problem> {
    let chat = ChatRuns::of(&path.workflow, &path.chat);
    let known = match by_id(shared, path).await? {
        Some(known) => Some(known),
        None => chat.last(&shared.plane).await?.map(|last| (last.run, last.head.status.is_ended())),
    };
    // It is asked about a run in any case, so that who asks does not learn by that whether there is one.
    let (run, ended) = match &known {
        Some((run, ended)) => (run.clone(), *ended),
        None => (chat.id(chat.first())?, true),
    };
    match shared.access.expect(parts, Ask::of_run(action, &run)).await {
        Ok(pass) => Ok(known.is_some().then_some(Found { run, pass, ended })),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The same, where it has not ended.
pub(super) async fn find_active(
    shared: &Shared,
    parts: &Parts,
    path: &Chat,
    action: Action,
) -> Result<Option<Found>, Problem> {
    Ok(find(shared, parts, path, action).await?.filter(|found| !found.ended))
}

/// The run that has this id, if it is of the workflow.
async fn by_id(shared: &Shared, path: &Chat) -> Result<Option<(RunId, bool)>, Problem> {
    let Ok(run) = path.chat.parse::<RunId>() else { return Ok(None) };
    let head = shared.plane.head(&run).await?.filter(|head| *head.workflow == *path.workflow);
    Ok(head.map(|head| (run, head.status.is_ended())))
}
