//! Streamed texts: each a part of its own, opened before its pieces, and ended.

use std::collections::BTreeMap;

use gensx_core::CallId;

use super::{
    Out,
    part::{Mark, Part, Retry, Text},
};

/// The most texts that are open at once: past it the oldest is ended, and goes on as another part. An event becomes no more
/// frames than have numbers.
const MAX_OPEN: usize = 60;
/// The most superseded texts that are named at once, the newest.
const MAX_NAMED: usize = 1_000;
/// The channel whose text is a model's reasoning.
const REASONING: &str = "reasoning";

#[derive(Default, Debug)]
pub(super) struct Texts {
    /// In the order in which they were opened.
    open: Vec<Open>,
    /// What each call's last attempt said.
    said: BTreeMap<CallId, Said>,
    /// Whether any text that is no reasoning was streamed.
    pub(super) any: bool,
}

#[derive(Debug)]
struct Open {
    id: String,
    call: CallId,
    channel: String,
    attempt: u32,
}

#[derive(Default, Debug)]
struct Said {
    attempt: u32,
    parts: Vec<String>,
}

impl Texts {
    pub(super) fn piece(&mut self, call: CallId, attempt: u32, channel: &str, text: &str, out: &mut Out<'_>) {
        if self.said.get(&call).is_some_and(|said| said.attempt != attempt) {
            self.supersede(call, None, out);
        }
        let known = self.open.iter().position(|open| open.call == call && open.channel == channel);
        let at = match known {
            Some(at) => at,
            None => self.begin(call, attempt, channel, out),
        };
        if let Some(open) = self.open.get(at).filter(|_| !text.is_empty()) {
            open.delta(text, out);
        }
    }

    fn begin(&mut self, call: CallId, attempt: u32, channel: &str, out: &mut Out<'_>) -> usize {
        if self.open.len() >= MAX_OPEN {
            self.open.remove(0).end(false, out);
        }
        let open = Open { id: out.event.clone(), call, channel: channel.to_owned(), attempt };
        self.any |= !open.is_reasoning();
        open.begin(out);
        let said = self.said.entry(call).or_default();
        said.attempt = attempt;
        said.parts.push(open.id.clone());
        self.open.push(open);
        self.open.len() - 1
    }

    /// What the call has said so far is to be forgotten by readers.
    pub(super) fn supersede(&mut self, call: CallId, error: Option<&str>, out: &mut Out<'_>) {
        self.end_of(call, true, out);
        if let Some(Said { attempt, parts }) = self.said.remove(&call) {
            let named = &parts[parts.len().saturating_sub(MAX_NAMED)..];
            let retry = Retry { call: &call.to_string(), attempt, parts: named, error };
            let id = out.event.clone();
            out.data("data-gensx-retry", &id, retry);
        }
    }

    /// The call's attempt is over.
    pub(super) fn end(&mut self, call: CallId, out: &mut Out<'_>) {
        self.end_of(call, false, out);
    }

    fn end_of(&mut self, call: CallId, superseded: bool, out: &mut Out<'_>) {
        self.open.extract_if(.., |open| open.call == call).for_each(|open| open.end(superseded, out));
    }

    pub(super) fn end_all(&mut self, out: &mut Out<'_>) {
        self.open.drain(..).for_each(|open| open.end(false, out));
    }

    /// A text that is there all at once, and of no call.
    pub(super) fn whole(&mut self, channel: &str, text: &str, out: &mut Out<'_>) {
        let id = out.event.clone();
        let gensx = Text { part: &id, channel, call: None, attempt: 0, superseded: false };
        out.say(&Part::TextStart { id: &id, provider_metadata: Mark { gensx } });
        if !text.is_empty() {
            out.say(&Part::TextDelta { id: &id, delta: text });
        }
        out.say(&Part::TextEnd { id: &id, provider_metadata: None });
        self.any = true;
    }
}

impl Open {
    fn is_reasoning(&self) -> bool {
        self.channel == REASONING
    }

    fn mark<'a>(&'a self, call: &'a str, superseded: bool) -> Mark<'a> {
        let Self { id: part, channel, attempt, .. } = self;
        Mark { gensx: Text { part, channel, call: Some(call), attempt: *attempt, superseded } }
    }

    fn begin(&self, out: &mut Out<'_>) {
        let (id, call) = (self.id.as_str(), self.call.to_string());
        let provider_metadata = self.mark(&call, false);
        out.say(&if self.is_reasoning() {
            Part::ReasoningStart { id, provider_metadata }
        } else {
            Part::TextStart { id, provider_metadata }
        });
    }

    fn delta(&self, delta: &str, out: &mut Out<'_>) {
        let id = self.id.as_str();
        out.say(&if self.is_reasoning() {
            Part::ReasoningDelta { id, delta }
        } else {
            Part::TextDelta { id, delta }
        });
    }

    fn end(&self, superseded: bool, out: &mut Out<'_>) {
        let (id, call) = (self.id.as_str(), self.call.to_string());
        let provider_metadata = superseded.then(|| self.mark(&call, true));
        out.say(&if self.is_reasoning() {
            Part::ReasoningEnd { id, provider_metadata }
        } else {
            Part::TextEnd { id, provider_metadata }
        });
    }
}
