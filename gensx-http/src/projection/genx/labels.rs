//! The objects that readers put together, by label: those that the application publishes, and its streamed text.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gensx_core::CallId;

/// The labels that are taken, and what readers hold under them.
#[derive(Default, Debug)]
pub(super) struct Labels {
    taken: BTreeSet<Arc<str>>,
    /// The labels of published objects, and those of channels, by name.
    objects: BTreeMap<String, Arc<str>>,
    channels: BTreeMap<String, Arc<str>>,
    /// By call, so that what becomes of one costs no look at the others: its texts, by label.
    texts: BTreeMap<CallId, BTreeMap<Arc<str>, Text>>,
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
    pub(super) fn object(&mut self, name: &str) -> (Arc<str>, bool) {
        take(&mut self.taken, &mut self.objects, name, ":object")
    }

    /// The label of a channel, and what a call's next piece is there.
    pub(super) fn piece(&mut self, channel: &str, call: CallId) -> (Arc<str>, Piece) {
        let (label, first) = take(&mut self.taken, &mut self.channels, channel, ":text");
        let before = self.texts.entry(call).or_default().insert(Arc::clone(&label), Text::Streamed);
        (label, Piece { first, known: matches!(before, Some(Text::Streamed | Text::Empty)) })
    }

    /// What a call has streamed is superseded: the labels under which it is to be emptied, at most `max`. The others' texts are
    /// replaced by what the call streams next.
    pub(super) fn empty(&mut self, call: CallId, max: usize) -> Vec<Arc<str>> {
        let mut labels = Vec::new();
        for (label, text) in self.texts.get_mut(&call).into_iter().flatten() {
            match text {
                Text::Streamed if labels.len() < max => {
                    *text = Text::Empty;
                    labels.push(Arc::clone(label));
                }
                Text::Streamed => *text = Text::Stale,
                Text::Empty | Text::Stale => {}
            }
        }
        labels
    }

    /// A call has its output, and streams nothing more.
    pub(super) fn forget(&mut self, call: CallId) {
        self.texts.remove(&call);
    }
}

/// The label of a name, and whether it is new: then one that is not taken, as readers put one object together under each.
fn take(
    taken: &mut BTreeSet<Arc<str>>,
    known: &mut BTreeMap<String, Arc<str>>,
    name: &str,
    kind: &str,
) -> (Arc<str>, bool) {
    if let Some(label) = known.get(name) {
        return (Arc::clone(label), false);
    }
    let mut label = name.to_owned();
    while taken.contains(label.as_str()) {
        label.push_str(kind);
    }
    let label: Arc<str> = label.into();
    taken.insert(Arc::clone(&label));
    known.insert(name.to_owned(), Arc::clone(&label));
    (label, true)
}
