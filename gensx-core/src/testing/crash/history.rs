//! What a stream says of its calls: what was recorded when a process died.

use std::{collections::HashMap, sync::Arc};

use crate::{CallId, Event, EventKind, EventSink, Result, RunId, event::Outcome};

/// Entries read at once.
const PAGE: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct History {
    events: u64,
    last: Option<Event>,
    calls: HashMap<CallId, Recorded>,
}

/// What is recorded of one call.
#[derive(Debug, Default)]
struct Recorded {
    name: String,
    parent: Option<CallId>,
    /// Where its last retry stands.
    retried: u64,
    done: Option<Done>,
}

impl Recorded {
    fn is_leaf(&mut self, name: &str, parent: CallId) {
        self.name = name.to_owned();
        self.parent = Some(parent);
    }
}

#[derive(Clone, Copy, Debug)]
struct Done {
    at: u64,
    succeeded: bool,
}

impl History {
    pub(super) async fn read(sink: &Arc<dyn EventSink>, run: &RunId) -> Result<Self> {
        let mut history = Self::default();
        loop {
            let page = sink.read(run, history.events, PAGE).await?;
            if page.is_empty() {
                return Ok(history);
            }
            for entry in page {
                history.add(Event::decode(entry.id, &entry.payload)?);
            }
        }
    }

    fn add(&mut self, event: Event) {
        let at = event.id.seq;
        self.events = at;
        if let EventKind::RunStarted { workflow, origin, .. } = &event.kind {
            self.calls.entry(CallId::root(origin)).or_default().name.clone_from(workflow);
        }
        if let Some(call) = event.call {
            let recorded = self.calls.entry(call).or_default();
            match &event.kind {
                EventKind::Started { name, parent, .. } => {
                    recorded.name.clone_from(name);
                    recorded.parent = *parent;
                }
                EventKind::TimerSet { parent, .. } => recorded.is_leaf("gensx.sleep", *parent),
                EventKind::InputRequested { parent, .. } => recorded.is_leaf("gensx.input", *parent),
                EventKind::Retried { .. } => recorded.retried = at,
                EventKind::Ended { outcome } => recorded.done = done(at, outcome),
                _ => {}
            }
        }
        self.last = Some(event);
    }

    /// How many events there are.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// The last event, for people.
    pub(super) fn last(&self) -> String {
        let Some(event) = &self.last else { return "nothing".to_owned() };
        let json: serde_json::Value = serde_json::from_str(&event.to_json()).unwrap_or_default();
        let kind = json["type"].as_str().unwrap_or_default();
        match event.call {
            Some(call) if self.is_named(call) => format!("{kind} of {}", self.path(call)),
            Some(_) => format!("{kind} of a recorded time or random value"),
            None => kind.to_owned(),
        }
    }

    fn is_named(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|recorded| !recorded.name.is_empty())
    }

    fn path(&self, call: CallId) -> String {
        let mut names: Vec<&str> = self.upwards(call).map(|(_, recorded)| recorded.name.as_str()).collect();
        names.reverse();
        names.join("/")
    }

    fn upwards(&self, call: CallId) -> impl Iterator<Item = (CallId, &Recorded)> {
        let find = |call: CallId| Some((call, self.calls.get(&call)?));
        std::iter::successors(find(call), move |(_, recorded)| find(recorded.parent?))
    }

    /// Whether the call has an outcome that a resumed run must not make again. A failure is made again
    /// when a call above it is retried: `whole` is the stream to the run's end.
    pub(super) fn holds(&self, call: CallId, whole: &Self) -> bool {
        let Some(done) = self.calls.get(&call).and_then(|recorded| recorded.done) else { return false };
        done.succeeded || !whole.upwards(call).skip(1).any(|(_, above)| above.retried > done.at)
    }
}

fn done(at: u64, outcome: &Outcome) -> Option<Done> {
    match outcome {
        Outcome::Output { .. } => Some(Done { at, succeeded: true }),
        Outcome::Failed(_) => Some(Done { at, succeeded: false }),
        Outcome::Cancelled => None,
    }
}
