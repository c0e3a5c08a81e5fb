//! What of a run's questions is answered.

use std::borrow::Cow;

use gensx_core::{Event, RunId, sink::MAX_PAGE};
use serde::Deserialize;

use crate::{api::Shared, problem::Answer, projection::genx::Answered};

/// As much of a stored event as it takes to pass it over.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// What nothing waits for any more, of what the run has asked for until now.
pub(super) async fn answered(shared: &Shared, run: &RunId) -> Answer<Answered> {
    let sink = shared.plane.sink();
    let Some(head) = sink.head(run).await? else { return Ok(Answered::default()) };
    if head.status.is_ended() {
        return Ok(Answered::All);
    }
    let (mut answered, mut after) = (Answered::default(), 0);
    while after < head.last.seq {
        let page = sink.read(run, after, MAX_PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.seq;
        for entry in page.iter().filter(|entry| counts(&entry.payload)) {
            answered.push(&Event::decode(entry.id, &entry.payload)?);
        }
    }
    Ok(answered)
}

fn counts(payload: &[u8]) -> bool {
    serde_json::from_slice::<Kind<'_>>(payload).is_ok_and(|event| Answered::KINDS.contains(&&*event.kind))
}
