//! A run's parts as a stream that clients of the Durable Streams protocol read: each message is a part.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    extract::{Path, State},
    http::{StatusCode, request::Parts},
};
use futures_util::{StreamExt as _, stream};
use gensx_core::{Error, ErrorKind, EventSink, RunId, sink::Head};

use super::Run;
use crate::{
    access::Action,
    api::Shared,
    durable::{Cacheable, Chunk, Chunks, Offset, Reading, Start, Stat, StoreError, StreamStore, serve},
    problem::{Answer, Problem},
    projection::{Frame, FrameId, Frames, project, ui::Ui},
    runs,
};

/// `GET /runs/{id}/ui/parts`.
pub(super) async fn parts(State(shared): State<Shared>, Path(Run { id }): Path<Run>, parts: Parts) -> Answer {
    let (run, pass) = runs::expect_run(&shared, &parts, &id, Action::Read).await?;
    let store = Arc::new(UiParts(Arc::clone(shared.plane.sink())));
    let mut limits = shared.options.limits();
    limits.max_age = runs::shorter(limits.max_age, pass);
    let request = Reading {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        limits,
        readers: &shared.readers,
    };
    // In the same words as of one that the caller may not know of.
    match serve(&store, run.as_str(), request).await {
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Err(Problem::no_run(run.as_str())),
        answer => answer,
    }
}

/// The streams of parts, by the runs' ids.
#[derive(Clone, Debug)]
struct UiParts(Arc<dyn EventSink>);

impl UiParts {
    async fn head(&self, run: &RunId) -> Result<Head, StoreError> {
        let head = self.0.head(run).await.map_err(|error| failed(error.into()))?;
        head.ok_or(StoreError::NotFound)
    }
}

#[async_trait]
impl StreamStore for UiParts {
    async fn stat(&self, stream: &str) -> Result<Stat, StoreError> {
        let head = self.head(&run_of(stream)?).await?;
        let closed = head.status.is_ended();
        Ok(Stat {
            content_type: "application/json".to_owned(),
            tail: offset(FrameId::behind(head.last))?,
            closed,
            // How a run is told may change with a new version of the library.
            cacheable: Cacheable::Revalidated,
            headers: Vec::new(),
        })
    }

    fn chunks(&self, stream: &str, start: Start, limit: usize) -> Chunks {
        let (run, after) = match read_from(stream, &start) {
            Ok(from) => from,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let store = self.clone();
        let chunks = async move {
            if let Some(after) = after
                && after.event() > store.head(&run).await?.last
            {
                return Err(StoreError::Gone("this is past the end of the run".to_owned()));
            }
            let frames = project(store.0, run.clone(), Ui::new(&run), after, limit);
            let mut at = after;
            Ok(frames.flat_map(move |frames| stream::iter(chunks(frames, &mut at, limit))))
        };
        stream::once(chunks)
            .flat_map(|chunks| match chunks {
                Ok(chunks) => chunks.boxed(),
                Err(error) => stream::once(async { Err(error) }).boxed(),
            })
            .boxed()
    }
}

fn run_of(stream: &str) -> Result<RunId, StoreError> {
    stream.parse().map_err(|_| StoreError::NotFound)
}

fn read_from(stream: &str, start: &Start) -> Result<(RunId, Option<FrameId>), StoreError> {
    let after = match start {
        Start::Beginning => None,
        Start::After(offset) => {
            let wrong = |()| StoreError::BadOffset(format!("`{offset}` is no position of a run's parts"));
            Some(offset.as_str().parse().map_err(wrong)?)
        }
    };
    Ok((run_of(stream)?, after))
}

/// Frames that came together, as chunks of at most `limit`. None of what was gone through before the reader's place.
fn chunks(
    frames: gensx_core::Result<Frames>,
    at: &mut Option<FrameId>,
    limit: usize,
) -> Vec<Result<Chunk, StoreError>> {
    match frames.map_err(failed).and_then(|frames| split(frames, at, limit)) {
        Ok(chunks) => chunks.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    }
}

fn split(frames: Frames, at: &mut Option<FrameId>, limit: usize) -> Result<Vec<Chunk>, StoreError> {
    let Frames { frames, last, at_end, ended } = frames;
    if frames.is_empty() && !at_end && !ended {
        return Ok(Vec::new());
    }
    // Behind the last event, also where that is no part.
    *at = (*at).max(last.map(FrameId::behind));
    let end = at.ok_or_else(|| failed(Error::msg("a page without events and without a position")))?;
    let groups: Vec<&[Frame]> =
        if frames.is_empty() { vec![&[]] } else { frames.chunks(limit.max(1)).collect() };
    let count = groups.len();
    let chunk = |(number, group): (usize, &[Frame])| {
        let is_last = number + 1 == count;
        let next = match group.last() {
            Some(frame) if !is_last => frame.id,
            _ => end,
        };
        Ok(Chunk {
            messages: group.iter().map(|frame| frame.json.clone().into()).collect(),
            next: offset(next)?,
            at_end: at_end && is_last,
            closed: ended && is_last,
        })
    };
    groups.into_iter().enumerate().map(chunk).collect()
}

fn offset(id: FrameId) -> Result<Offset, StoreError> {
    Offset::new(id.to_string()).ok_or_else(|| failed(Error::msg("a frame's id is no offset")))
}

fn failed(error: Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound => StoreError::NotFound,
        ErrorKind::Gone => StoreError::Gone(error.to_string()),
        _ => StoreError::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use gensx_core::EventId;

    use super::*;

    #[test]
    fn a_page_is_said_in_chunks_that_know_their_places() {
        let frame =
            |seq| Frame { id: FrameId::behind(EventId::new(1, seq)), json: format!("{{\"n\":{seq}}}") };
        let last = EventId::new(1, 9);
        let page =
            Frames { frames: (1..=5).map(frame).collect(), last: Some(last), at_end: true, ended: true };
        let mut at = None;
        let chunks = split(page, &mut at, 2).unwrap();
        let places: Vec<String> = chunks.iter().map(|chunk| chunk.next.to_string()).collect();
        let expected = [2, 4, 9].map(|seq| FrameId::behind(EventId::new(1, seq)).to_string());
        assert_eq!(places, expected);
        assert_eq!(chunks.iter().map(|chunk| chunk.messages.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(chunks.iter().map(|chunk| chunk.closed).collect::<Vec<_>>(), [false, false, true]);
        // A page that holds nothing new says nothing, unless it is the end.
        let before = Frames { last: Some(EventId::new(1, 3)), ..Frames::default() };
        assert!(split(before.clone(), &mut at, 2).unwrap().is_empty());
        let chunks = split(Frames { at_end: true, ..before }, &mut at, 2).unwrap();
        assert_eq!((chunks.len(), chunks[0].next.as_str()), (1, expected[2].as_str()));
    }
}
