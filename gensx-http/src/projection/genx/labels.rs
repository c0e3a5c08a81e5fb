//! The objects that readers put together, by label: those that the application publishes, and its streamed text.

use std::collections::{BTreeMap, BTreeSet};

use gensx_core::CallId;

/// The labels that are taken, and what readers hold under them.
#[derive(Default, Debug)]
pub(super) struct Labels {
    taken: BTreeSet<String>,
    objects: BTreeMap<String, String>,
    channels: BTreeMap<String, Channel>,
}

/// A channel's object: a text for each call.
#[derive(Debug)]
struct Channel {
    label: String,
    texts: BTreeMap<CallId, Text>,
}

/// How a call's text stands with readers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Text {
    /// Something is there.
    Streamed,
    /// It is there, and empty.
    Empty,
    /// What is there is superseded.
    Stale,
}

/// What a piece of text is to its channel's object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    /// Whether it is the channel's first one.
    pub(super) first: bool,
    /// Whether there is a text of that call to append it to.
    pub(super) known: bool,
}

impl Labels {
    /// The label of a published object, and whether this is the first that is said of it.
    pub(super) fn object(&mut self, name: &str) -> (&str, bool) {
        let first = !self.objects.contains_key(name);
        let taken = &mut self.taken;
        let label = self.objects.entry(name.to_owned());
        (label.or_insert_with_key(|name| take(taken, name, ":object")), first)
    }

    /// The label of a channel, and what a call's next piece is there.
    pub(super) fn piece(&mut self, channel: &str, call: CallId) -> (&str, Piece) {
        let first = !self.channels.contains_key(channel);
        let taken = &mut self.taken;
        let channel = self
            .channels
            .entry(channel.to_owned())
            .or_insert_with_key(|name| Channel { label: take(taken, name, ":text"), texts: BTreeMap::new() });
        let before = channel.texts.insert(call, Text::Streamed);
        (&channel.label, Piece { first, known: matches!(before, Some(Text::Streamed | Text::Empty)) })
    }

    /// What a call has streamed is superseded: the labels under which it is to be emptied, at most `max`. The others' texts are
    /// replaced by what the call streams next.
    pub(super) fn empty(&mut self, call: CallId, max: usize) -> Vec<String> {
        let mut labels = Vec::new();
        for Channel { label, texts } in self.channels.values_mut() {
            let Some(text @ Text::Streamed) = texts.get_mut(&call) else { continue };
            if labels.len() < max {
                *text = Text::Empty;
                labels.push(label.clone());
            } else {
                *text = Text::Stale;
            }
        }
        labels
    }

    /// A call has its output, and streams nothing more.
    pub(super) fn forget(&mut self, call: CallId) {
        for channel in self.channels.values_mut() {
            channel.texts.remove(&call);
        }
    }
}

/// A label that is not taken: readers put one object together under each.
fn take(taken: &mut BTreeSet<String>, name: &str, kind: &str) -> String {
    let mut label = name.to_owned();
    while !taken.insert(label.clone()) {
        label.push_str(kind);
    }
    label
}
