//! A run's parts as the event stream that the AI SDK reads.

use std::{collections::VecDeque, io, sync::Arc};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, future, pin_mut, stream};
use gensx_core::{Result, RunId};

use super::name_run;
use crate::{
    access::Pass,
    api::Shared,
    open::{COMMENT, Open, cut, open},
    problem::{Answer, Problem},
    projection::{Frame, FrameId, Frames, project, ui::Ui},
    query::Query,
    readers::Seat,
    runs,
};

/// What ends the stream.
const DONE: &str = "data: [DONE]\n\n";
const PROTOCOL: HeaderName = HeaderName::from_static("x-vercel-ai-ui-message-stream");
const TAIL_INDEX: HeaderName = HeaderName::from_static("x-workflow-stream-tail-index");

/// Where a reader begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum From {
    Beginning,
    /// Behind a part.
    After(FrameId),
    /// With the part that has so many before it.
    Index(usize),
    /// With one of the last parts.
    Last(usize),
}

impl From {
    /// What a request says: `startIndex`, or else `Last-Event-ID`.
    pub(super) fn of(parts: &Parts) -> Answer<Self> {
        let query = Query::of(&parts.uri);
        if let Some(index) = query.first("startIndex") {
            let wrong = |_| Problem::bad_request("`startIndex` is a number of parts");
            let index: i64 = index.parse().map_err(wrong)?;
            let parts = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
            return Ok(if index < 0 { Self::Last(parts) } else { Self::Index(parts) });
        }
        match parts.headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?")) {
            None | Some("") => Ok(Self::Beginning),
            Some(id) => {
                let wrong = |()| Problem::bad_request("`last-event-id` is the `id` of a part of this run");
                id.parse().map(Self::After).map_err(wrong)
            }
        }
    }
}

/// Who reads a run, and from where.
pub(super) struct Reading {
    pub(super) run: RunId,
    pub(super) pass: Pass,
    pub(super) seat: Seat,
    pub(super) from: From,
}

/// Opens the answer. What can be said by a status is said before.
pub(super) async fn answer(shared: &Shared, reading: Reading) -> Answer {
    let Reading { run, pass, seat, from } = reading;
    let mut headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (PROTOCOL, HeaderValue::from_static("v1")),
    ]);
    let (after, skip) = match from {
        From::Beginning => (None, 0),
        From::After(after) => (Some(expect_held(shared, &run, after).await?), 0),
        From::Index(index) => (None, index),
        From::Last(parts) => {
            let index = index_of_last(parts_of(shared, &run, None), parts).await?;
            // The reader takes its number of parts from this, and has where it really begins.
            headers.insert(TAIL_INDEX, (index as u64).saturating_add(parts as u64).saturating_sub(1).into());
            (None, index)
        }
    };
    let mut frames = skip_frames(parts_of(shared, &run, after), skip).boxed();
    let first = first(&mut frames).await?;
    if first.ended && first.frames.is_empty() {
        return at_the_end(from);
    }
    let rest = if first.ended { stream::empty().boxed() } else { frames };
    let chunks =
        stream::once(future::ready(Ok(first))).chain(rest).filter_map(|frames| future::ready(chunk(frames)));
    // A clean end would be the end of the message: so it is cut when its time is over.
    let chunks = cut(chunks, runs::shorter(shared.options.max_stream_age, pass));
    let open_for = Open { _seat: seat, heartbeat: shared.options.heartbeat, beat: COMMENT, max_age: None };
    Ok(name_run(open(chunks, headers, open_for), &run))
}

/// The parts of a run as they come.
pub(super) fn parts_of(
    shared: &Shared,
    run: &RunId,
    after: Option<FrameId>,
) -> impl Stream<Item = Result<Frames>> + Send + use<> {
    project(Arc::clone(shared.plane.sink()), run.clone(), Ui::new(run), after, shared.options.page_events)
}

async fn expect_held(shared: &Shared, run: &RunId, after: FrameId) -> Result<FrameId, Problem> {
    let head = shared.plane.head(run).await?.ok_or_else(|| Problem::no_run(run.as_str()))?;
    if after.event() <= head.last { Ok(after) } else { Err(gone()) }
}

fn gone() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "gone",
        "this is past the last part of this run: read it from its beginning",
    )
}

/// Whoever comes behind the last part of a run that has ended.
fn at_the_end(from: From) -> Answer {
    use axum::response::IntoResponse as _;
    match from {
        // A browser that comes back stays away then.
        From::After(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        // Others would ask again at once, for ever, for a last part that they think they have not had.
        _ => Err(gone()),
    }
}

/// What there is, at once: nothing only where nothing is left.
async fn first(frames: &mut (impl Stream<Item = Result<Frames>> + Unpin)) -> Result<Frames> {
    while let Some(next) = frames.next().await {
        let next = next?;
        if !next.frames.is_empty() || next.at_end || next.ended {
            return Ok(next);
        }
    }
    Ok(Frames { ended: true, ..Frames::default() })
}

fn skip_frames(
    frames: impl Stream<Item = Result<Frames>> + Send,
    mut skip: usize,
) -> impl Stream<Item = Result<Frames>> + Send {
    frames.map(move |frames| {
        let mut frames = frames?;
        let skipped = skip.min(frames.frames.len());
        frames.frames.drain(..skipped);
        skip -= skipped;
        Ok(frames)
    })
}

/// Where a reader begins that wants the last parts: at so many of the present end, or before, where no text is open, because a
/// piece of text without its start would end the reader's chat.
pub(super) async fn index_of_last(
    frames: impl Stream<Item = Result<Frames>> + Send,
    parts: usize,
) -> Result<usize> {
    pin_mut!(frames);
    let (mut total, mut open) = (0_usize, 0_usize);
    // Where no text is open, from the last one that is far enough from the end.
    let mut places = VecDeque::from([0]);
    while let Some(page) = frames.next().await {
        let page = page?;
        for frame in &page.frames {
            total += 1;
            match Edge::of(frame) {
                Edge::Start => open += 1,
                Edge::End => open = open.saturating_sub(1),
                Edge::None => {}
            }
            if open == 0 {
                places.push_back(total);
            }
            while places.get(1).is_some_and(|next| *next <= total.saturating_sub(parts)) {
                places.pop_front();
            }
        }
        if page.at_end || page.ended {
            break;
        }
    }
    Ok(places.front().copied().unwrap_or_default())
}

/// Whether a part opens a text, or ends one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Edge {
    Start,
    End,
    None,
}

impl Edge {
    fn of(frame: &Frame) -> Self {
        let begins = |kinds: [&str; 2]| kinds.iter().any(|kind| frame.json.starts_with(kind));
        if begins([r#"{"type":"text-start""#, r#"{"type":"reasoning-start""#]) {
            Self::Start
        } else if begins([r#"{"type":"text-end""#, r#"{"type":"reasoning-end""#]) {
            Self::End
        } else {
            Self::None
        }
    }
}

/// Parts that came together, if there are any.
fn chunk(frames: Result<Frames>) -> Option<io::Result<Bytes>> {
    match frames {
        Ok(Frames { frames, ended: false, .. }) if frames.is_empty() => None,
        Ok(Frames { frames, ended, .. }) => {
            let mut text = String::new();
            for Frame { id, json } in &frames {
                // The id last: some readers go on from an id whose data they have not read yet.
                text.push_str(&format!("data: {json}\nid: {id}\n\n"));
            }
            if ended {
                text.push_str(DONE);
            }
            Some(Ok(text.into()))
        }
        // It is cut: who comes back is told why by the status.
        Err(error) => Some(Err(io::Error::other(error))),
    }
}

#[cfg(test)]
mod tests {
    use gensx_core::EventId;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::projection::{Projector, logs::logs};

    /// The parts of random logs, page by page.
    fn pages() -> impl Strategy<Value = Vec<Frames>> {
        (logs(), vec(1..6_usize, 1..8)).prop_map(|(log, sizes)| {
            let mut projector = Projector::new(Ui::new(&"a".parse().unwrap()));
            let (mut pages, mut rest, mut sizes) = (Vec::new(), log.as_slice(), sizes.into_iter().cycle());
            while !rest.is_empty() {
                let (page, more) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                let last = page.last().map(|event| event.id);
                let ended = page.iter().any(gensx_core::Event::is_last);
                let frames =
                    page.iter().flat_map(|event| projector.push(event).collect::<Vec<_>>()).collect();
                pages.push(Frames { frames, last, at_end: more.is_empty(), ended });
                rest = more;
            }
            pages
        })
    }

    fn served(pages: &[Frames]) -> impl Stream<Item = Result<Frames>> + Send + use<> {
        stream::iter(pages.to_vec()).map(Ok)
    }

    fn all(pages: &[Frames]) -> Vec<Frame> {
        pages.iter().flat_map(|page| page.frames.clone()).collect()
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        future::FutureExt::now_or_never(future).expect("it waits for nothing")
    }

    proptest! {
        #[test]
        fn in_any_number_of_sittings_every_part_is_read_once(pages in pages(), cuts in vec(1..9_usize, 0..9)) {
            let all = all(&pages);
            let mut read = Vec::new();
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let rest = block_on(skip_frames(served(&pages), read.len()).collect::<Vec<_>>());
                let rest = rest.into_iter().flat_map(|page| page.unwrap().frames);
                read.extend(rest.take(cut));
            }
            prop_assert_eq!(read, all);
        }

        #[test]
        fn the_last_parts_begin_where_no_text_is_open(pages in pages(), last in 0..60_usize) {
            let all = all(&pages);
            let index = block_on(index_of_last(served(&pages), last)).unwrap();
            let wanted = all.len().saturating_sub(last);
            prop_assert!(index <= wanted);
            let open_at = |index: usize| all[..index].iter().fold(0_i32, |open, frame| match Edge::of(frame) {
                Edge::Start => open + 1,
                Edge::End => open - 1,
                Edge::None => open,
            });
            prop_assert_eq!(open_at(index), 0);
            prop_assert!((index + 1..=wanted).all(|later| open_at(later) > 0), "it is the last such place");
        }
    }

    #[test]
    fn the_end_is_said_with_the_last_part() {
        let frame = Frame { id: FrameId::behind(EventId::new(1, 2)), json: "{}".into() };
        let frames = |ended| Frames { frames: vec![frame.clone()], ended, ..Frames::default() };
        let text = |frames| String::from_utf8(chunk(Ok(frames)).unwrap().unwrap().to_vec()).unwrap();
        let part = format!("data: {{}}\nid: {}\n\n", frame.id);
        assert_eq!(text(frames(false)), part);
        assert_eq!(text(frames(true)), part + DONE);
        assert!(chunk(Ok(Frames::default())).is_none());
    }
}
