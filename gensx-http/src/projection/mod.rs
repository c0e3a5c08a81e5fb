//! A run's events as other protocols say them: each a pure fold over the log, told from anywhere.

pub(crate) mod genx;
#[cfg(test)]
pub(crate) mod logs;

use std::{fmt, str::FromStr, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use gensx_core::{Event, EventId, EventSink, Result, RunId, sink::pages};

/// The most frames that one event becomes.
const MAX_FRAMES_PER_EVENT: usize = 256;

/// How events become the frames of a protocol.
///
/// A projection begins with the log's first event and sees all of it in its order. It decides nothing by anything else: so
/// whoever reads the frames from any place sees the same ones.
pub(crate) trait Projection: Send + 'static {
    /// Takes an event in, and adds the frames that it becomes: JSON, each on one line; at most 256.
    fn push(&mut self, event: &Event, frames: &mut Vec<String>);
}

/// Which frame it is: the how-manieth of those that an event became. Its text sorts as the frames do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct FrameId {
    event: EventId,
    frame: u8,
}

impl FrameId {
    /// The event that the frame is of.
    pub(crate) fn event(self) -> EventId {
        self.event
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02x}", self.event, self.frame)
    }
}

impl FromStr for FrameId {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let (event, frame) = text.rsplit_once('-').ok_or(())?;
        let id =
            Self { event: event.parse().map_err(drop)?, frame: u8::from_str_radix(frame, 16).map_err(drop)? };
        // One text for each: what only reads alike is none of ours.
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

/// A frame of a protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) id: FrameId,
    pub(crate) json: String,
}

/// Frames that came together.
#[derive(Clone, Default, Debug)]
pub(crate) struct Frames {
    pub(crate) frames: Vec<Frame>,
    /// Whether nothing followed when they were made, as far as the store can tell.
    #[allow(dead_code, reason = "not every protocol has a word for it")]
    pub(crate) at_end: bool,
    /// Whether nothing will ever follow.
    pub(crate) ended: bool,
}

/// Folds events into frames, and counts them.
#[derive(Debug)]
pub(crate) struct Projector<P> {
    projection: P,
    scratch: Vec<String>,
}

impl<P: Projection> Projector<P> {
    pub(crate) fn new(projection: P) -> Self {
        Self { projection, scratch: Vec::new() }
    }

    /// The frames that an event becomes.
    pub(crate) fn push<'a>(&'a mut self, event: &Event) -> impl Iterator<Item = Frame> + use<'a, P> {
        self.projection.push(event, &mut self.scratch);
        debug_assert!(
            self.scratch.len() <= MAX_FRAMES_PER_EVENT,
            "the frames of an event have numbers enough"
        );
        let event = event.id;
        let numbered = (0..=u8::MAX).zip(self.scratch.drain(..));
        numbered.map(move |(frame, json)| Frame { id: FrameId { event, frame }, json })
    }
}

/// A run's frames behind `after`, or all, as they come: first, at once, those of what the run has done so far. The events before
/// are gone through as well, for what a projection knows of them.
pub(crate) fn project<P: Projection>(
    sink: Arc<dyn EventSink>,
    run: RunId,
    projection: P,
    after: Option<FrameId>,
    page: usize,
) -> impl Stream<Item = Result<Frames>> + Send {
    let mut projector = Projector::new(projection);
    pages(sink, run, None, page).map(move |page| {
        let page = page?;
        let mut frames = Vec::new();
        for entry in &page.entries {
            let event = Event::decode(entry.id, &entry.payload)?;
            frames.extend(projector.push(&event).filter(|frame| after.is_none_or(|after| frame.id > after)));
        }
        Ok(Frames { frames, at_end: page.at_end, ended: page.ended })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frame_ids_sort_as_text_and_come_back(a: (u32, u32, u8), b: (u32, u32, u8)) {
            let id = |(epoch, seq, frame): (u32, u32, u8)| FrameId { event: EventId::new(epoch, seq.into()), frame };
            let (left, right) = (id(a), id(b));
            prop_assert_eq!(left.to_string().parse(), Ok(left));
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }

        #[test]
        fn any_text_as_a_frame_id_is_answered(text in ".{0,60}") {
            let _ = text.parse::<FrameId>();
        }
    }
}
