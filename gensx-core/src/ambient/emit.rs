//! Events that a component emits. None of these waits; outside a run they do nothing.

use serde::Serialize;
use serde_json::Value;

use crate::{
    Error, ErrorKind, Fate,
    component::to_json,
    event::{EventKind, Json, LogLevel, Usage},
    run::{node::Node, scope},
};

/// Streams a piece of text on a channel. Pieces are joined and sent every few tens of milliseconds, the first one at
/// once; when more waits than the sink takes, the component is held at its next await.
///
/// ```
/// # use gensx_core as gensx;
/// for token in ["The ", "sea ", "rises."] {
///     gensx::emit_text("draft", token);
/// }
/// ```
pub fn emit_text(channel: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    with_node(|node| {
        if !fits(node, "the name of a channel", channel.len()) {
            return;
        }
        for piece in pieces(text, node.run.config.limits.event_bytes) {
            push(node, EventKind::Text { channel: channel.to_owned(), text: piece.to_owned() });
        }
        if node.run.outbox.overflows() {
            let limit = node.run.config.limits.buffered_bytes;
            let reason = format!(
                "more than {} bytes of streamed text wait for the sink, without an await in between",
                2 * limit
            );
            node.poison(Error::of(ErrorKind::Limit, reason));
        }
    });
}

/// Text in pieces of at most `limit` bytes; a character is never cut.
fn pieces(mut text: &str, limit: usize) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        // The longest character has four bytes.
        let (piece, rest) = text.split_at(text.floor_char_boundary(limit.max(4)));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Emits an event of the application's own. A value that is too large, or has no JSON form, fails the attempt.
///
/// ```
/// # use gensx_core as gensx;
/// gensx::emit("source", "https://example.org/tides");
/// ```
pub fn emit<T: Serialize + ?Sized>(label: &str, value: &T) {
    with_node(|node| {
        if let Some(data) = json(node, label, value) {
            push(node, EventKind::Labelled { label: label.to_owned(), data });
        }
    });
}

/// Publishes the state of a named object: readers get the difference to its last state, as JSON Patch. A value that is too
/// large, or has no JSON form, fails the attempt.
///
/// ```
/// # use gensx_core as gensx;
/// let mut headings = vec!["Tides"];
/// gensx::publish("outline", &headings);
/// headings.push("Moons");
/// gensx::publish("outline", &headings); // readers get one added heading
/// ```
pub fn publish<T: Serialize + ?Sized>(name: &str, value: &T) {
    with_node(|node| {
        let Some(whole) = json(node, name, value) else { return };
        // What was just written is read again here: that cannot fail.
        let next: Value = serde_json::from_str(whole.get()).unwrap_or_default();
        let mut objects = node.run.objects();
        let last = objects.entry(name.to_owned()).or_default();
        let patch = json_patch::diff(last, &next);
        if patch.0.is_empty() {
            return;
        }
        *last = next;
        if let Ok(patch) = to_json(&patch) {
            push(node, EventKind::Object { name: name.to_owned(), patch: shorter(patch, &whole) });
        }
    });
}

/// The differences, or the new state in the place of the old one where that is shorter: so a patch is hardly larger than
/// the state, which is within its limit.
fn shorter(patch: Json, whole: &Json) -> Json {
    #[derive(Serialize)]
    struct Replace<'a> {
        op: &'static str,
        path: &'static str,
        value: &'a Json,
    }
    match to_json(&[Replace { op: "replace", path: "", value: whole }]) {
        Ok(replace) if replace.get().len() < patch.get().len() => replace,
        _ => patch,
    }
}

/// Says how far the component is, in units of its own.
///
/// ```
/// # use gensx_core as gensx;
/// gensx::progress(3, 8);
/// gensx::progress(3, None); // of how many is not known
/// ```
pub fn progress(done: u64, total: impl Into<Option<u64>>) {
    let total = total.into();
    with_node(|node| push(node, EventKind::Progress { done, total }));
}

/// Writes a log line to the run's stream. Known secrets are masked in it. One that is too large fails the attempt.
///
/// ```
/// # use gensx_core as gensx;
/// gensx::log(gensx::event::LogLevel::Warn, "two sources disagree");
/// ```
pub fn log(level: LogLevel, message: impl Into<String>) {
    let message = message.into();
    with_node(|node| {
        let message = node.run.mask(&message);
        if fits(node, "a log line", message.len()) {
            push(node, EventKind::Log { level, message });
        }
    });
}

/// Records what one model call used, in tokens. A replayed or cached component records nothing again.
///
/// ```
/// # use gensx_core as gensx;
/// use gensx::event::Usage;
///
/// gensx::usage(Usage { model: "small-1".into(), input_tokens: 812, output_tokens: 96 });
/// ```
pub fn usage(usage: Usage) {
    with_node(|node| {
        if fits(node, "the name of a model", usage.model.len()) {
            push(node, EventKind::Usage(usage));
        }
    });
}

fn with_node(f: impl FnOnce(&std::sync::Arc<Node>)) {
    scope::with(f);
}

fn push(node: &Node, kind: EventKind) {
    node.run.push(Some(node.id), node.attempt(), kind);
}

/// Whether a text is within the limit of an event; fails the attempt if not.
fn fits(node: &Node, what: &str, size: usize) -> bool {
    let limit = node.run.config.limits.event_bytes;
    if size > limit {
        let reason = format!("{what} has {size} bytes, the limit of an event is {limit}");
        node.poison(Error::of(ErrorKind::Limit, reason).with_fate(Fate::Permanent));
    }
    size <= limit
}

fn json<T: Serialize + ?Sized>(node: &Node, name: &str, value: &T) -> Option<Json> {
    if !fits(node, "the name of an emitted value", name.len()) {
        return None;
    }
    let limit = node.run.config.limits.event_bytes;
    let error = match to_json(value) {
        Ok(json) if json.get().len() <= limit => return Some(json),
        Ok(json) => {
            let reason = format!(
                "the value emitted as `{name}` has {} bytes, the limit of an event is {limit}",
                json.get().len()
            );
            Error::of(ErrorKind::Limit, reason)
        }
        Err(error) => {
            let reason = format!("the value emitted as `{name}` has no JSON form");
            Error::of(ErrorKind::InvalidInput, reason).with_source(error)
        }
    };
    node.poison(error.with_fate(Fate::Permanent));
    None
}
