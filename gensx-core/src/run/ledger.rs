//! What a stream says of each call: the state that a resume begins with. A pure fold over events.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::by_call::ByCall;
use crate::{
    CallId, Error, ErrorKind, EventId, Result, RunId,
    event::{ErrorBody, Event, EventKind, Json, Origin, Outcome, QueuedAs, RunStatus},
    identity::Fingerprint,
};

/// The most names of a path that is shown: a damaged stream may hold a call that is its own parent.
const MAX_PATH_NAMES: usize = 64;

/// What the first event says of the run.
#[derive(Clone, Debug)]
pub(crate) struct RunInfo {
    pub(crate) workflow: String,
    pub(crate) version: u32,
    pub(crate) input: Option<Json>,
    pub(crate) origin: RunId,
    pub(crate) retry_of: Option<RunId>,
    /// How many outcomes it is to carry over.
    pub(crate) carries: u32,
    /// How long it is kept after its end.
    pub(crate) keep_ms: Option<u64>,
    /// How it was queued, if workers execute it.
    pub(crate) queued: Option<QueuedAs>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) info: Option<Box<RunInfo>>,
    pub(crate) ended: Option<RunStatus>,
    pub(crate) last: Option<EventId>,
    pub(crate) objects: HashMap<String, Value>,
    pub(crate) taken_messages: HashSet<u64>,
    /// How many outcomes were carried over from another run.
    pub(crate) carried: u32,
    calls: ByCall<Record>,
    /// Children by parent, made by the first call that asks whether a sibling of its name is recorded.
    children: Option<ByCall<Vec<CallId>>>,
    /// Calls that were dropped in this life when outcomes below them had been given: these are on the stream, not here.
    partial: ByCall<()>,
}

/// One call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// Where its current attempt begins.
    pub(crate) begin: u64,
    pub(crate) attempt: u32,
    /// The wait before the current attempt.
    pub(crate) wait: Option<Wait>,
    pub(crate) done: Option<Done>,
    pub(crate) start: Option<Box<Start>>,
    /// Whether a call of this life stands for it.
    pub(crate) claimed: bool,
}

impl Record {
    /// Whether it had started and not ended, in its parent's attempt that begins at `parent_begin`.
    pub(crate) fn is_open(&self, parent_begin: u64) -> bool {
        self.done.is_none() && self.begin > parent_begin
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wait {
    pub(crate) whole_ms: u64,
    pub(crate) due_ms: u64,
}

/// What its first event says of a call.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) parent: Option<CallId>,
    pub(crate) version: u32,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) args: BTreeMap<String, Fingerprint>,
    pub(crate) key: Option<String>,
    pub(crate) label: Option<String>,
}

/// An outcome, and its position.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) position: u64,
    pub(crate) result: Known,
}

#[derive(Clone, Debug)]
pub(crate) enum Known {
    Output { json: Json, type_name: String, origin: Origin },
    Failed(ErrorBody),
}

impl Known {
    /// The value of a leaf.
    pub(crate) fn value(json: Json) -> Self {
        Self::Output { json, type_name: String::new(), origin: Origin::Executed }
    }
}

impl Ledger {
    /// Takes in the next event.
    pub(crate) fn apply(&mut self, event: Event) -> Result<()> {
        let (id, call, attempt) = (event.id, event.call, event.attempt);
        self.last = Some(id);
        match event.kind {
            EventKind::RunStarted {
                workflow,
                version,
                input,
                origin,
                retry_of,
                carries,
                keep_ms,
                queued,
                ..
            } => {
                let record = Record { begin: id.seq, attempt: 1, ..Record::default() };
                self.calls.insert(CallId::root(&origin), record);
                let info = RunInfo { workflow, version, input, origin, retry_of, carries, keep_ms, queued };
                self.info = Some(Box::new(info));
            }
            EventKind::RunEnded { status, .. } => self.ended = Some(status),
            EventKind::Object { name, patch } => {
                patch_object(self.objects.entry(name).or_default(), &patch, id)?;
            }
            EventKind::InputRejected { message, .. } => drop(self.taken_messages.insert(message)),
            kind => {
                if let Some(call) = call {
                    self.apply_to_call(id.seq, call, attempt, kind);
                }
            }
        }
        Ok(())
    }

    fn apply_to_call(&mut self, seq: u64, call: CallId, attempt: u32, kind: EventKind) {
        match kind {
            EventKind::Started { resumed: true, .. } => {}
            EventKind::Started { name, parent, version, fingerprint, args, key, label, .. } => {
                let start = Some(Box::new(Start { name, parent, version, fingerprint, args, key, label }));
                self.calls.insert(call, Record { begin: seq, attempt, start, ..Record::default() });
            }
            EventKind::Retried { delay_ms, due_ms, .. } => {
                let record = self.calls.entry(call).or_default();
                record.begin = seq;
                record.attempt = attempt;
                record.wait = Some(Wait { whole_ms: delay_ms, due_ms });
            }
            EventKind::TimerSet { duration_ms, due_ms, .. } => self.open_wait(seq, call, duration_ms, due_ms),
            EventKind::InputRequested { due_ms, .. } => {
                self.open_wait(seq, call, u64::MAX, due_ms.unwrap_or(u64::MAX));
            }
            EventKind::TimerFired => self.done(seq, call, Known::value(crate::component::null())),
            EventKind::InputReceived { message, data, .. } => {
                self.taken_messages.insert(message);
                self.done(seq, call, Known::value(data));
            }
            EventKind::Ended { outcome } => match outcome {
                Outcome::Output { json, type_name, origin } => {
                    self.carried += u32::from(origin == Origin::Carried);
                    self.done(seq, call, Known::Output { json, type_name, origin });
                }
                Outcome::Failed(error) => self.done(seq, call, Known::Failed(error)),
                Outcome::Cancelled => drop(self.calls.remove(&call)),
            },
            _ => {}
        }
    }

    fn open_wait(&mut self, seq: u64, call: CallId, whole_ms: u64, due_ms: u64) {
        let wait = Some(Wait { whole_ms, due_ms });
        self.calls.insert(call, Record { begin: seq, attempt: 1, wait, ..Record::default() });
    }

    fn done(&mut self, position: u64, call: CallId, result: Known) {
        self.calls.entry(call).or_default().done = Some(Done { position, result });
    }

    /// Keeps an outcome of this life, for the next attempt of a call above.
    pub(crate) fn remember(&mut self, call: CallId, start: Option<Start>, done: Done) {
        let start = start.map(Box::new);
        let record = Record { done: Some(done), start, attempt: 1, claimed: true, ..Record::default() };
        self.calls.insert(call, record);
    }

    /// Keeps an outcome of this life that its caller did not wait for: it is the next one's who takes its place.
    pub(crate) fn leave(&mut self, call: CallId, start: Option<Start>, done: Done) {
        self.remember(call, start, done);
    }

    /// Forgets a call that is cancelled, as a replay will: one that takes its place later begins anew. With `partial`,
    /// outcomes below it had been given.
    pub(crate) fn forget(&mut self, call: CallId, partial: bool) {
        self.calls.remove(&call);
        if partial {
            self.partial.insert(call, ());
        }
    }

    /// Whether outcomes below a call that begins are on the stream and not here; asked once.
    pub(crate) fn take_partial(&mut self, call: CallId) -> bool {
        !self.partial.is_empty() && self.partial.remove(&call).is_some()
    }

    /// Takes in the outcomes that `whole` has besides, and gives how many they are.
    pub(crate) fn recall(&mut self, whole: Self) -> usize {
        let has_ended = |record: &Record| record.done.is_some();
        let mut recalled = 0;
        for (call, record) in whole.calls.into_iter().filter(|(_, record)| has_ended(record)) {
            if !self.calls.get(&call).is_some_and(has_ended) {
                // A call of this life stood for it: nothing diverges from it.
                self.calls.insert(call, Record { claimed: true, ..record });
                recalled += 1;
            }
        }
        recalled
    }

    pub(crate) fn record(&self, call: CallId) -> Option<&Record> {
        self.calls.get(&call)
    }

    /// The attempt in which a call is open, in that of its parent which begins at `parent_begin`.
    pub(crate) fn open(&self, call: CallId, parent_begin: u64) -> Option<u32> {
        let record = self.record(call).filter(|record| record.is_open(parent_begin))?;
        Some(record.attempt.max(1))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Notes that a call of this life stands for the recorded one.
    pub(crate) fn note_claimed(&mut self, call: CallId) {
        if let Some(record) = self.calls.get_mut(&call) {
            record.claimed = true;
        }
    }

    /// Gives what is recorded of a call. It is kept only where it may be asked for again.
    pub(crate) fn claim(&mut self, call: CallId, keep: bool) -> Option<Known> {
        let record = self.calls.get_mut(&call)?;
        let done = if keep { record.done.clone() } else { record.done.take() };
        done.map(|done| done.result)
    }

    /// How many outcomes are recorded.
    pub(crate) fn outcomes(&self) -> usize {
        self.calls.values().filter(|record| record.done.is_some()).count()
    }

    /// The path of the component whose open call began last, as far as is recorded: where the run stood.
    pub(crate) fn stood_at(&self) -> Option<String> {
        let workflow = self.info.as_ref()?.workflow.as_str();
        let open = self.calls.values().filter(|record| record.done.is_none() && record.start.is_some());
        let mut start = open.max_by_key(|record| record.begin).and_then(|record| record.start.as_deref());
        let mut names = Vec::new();
        while let Some(known) = start.filter(|_| names.len() < MAX_PATH_NAMES) {
            names.push(known.name.as_str());
            start = known.parent.and_then(|parent| self.calls.get(&parent)?.start.as_deref());
        }
        names.push(workflow);
        names.reverse();
        Some(names.join("/"))
    }

    /// Every success, in the stream's order, for a run that carries them over.
    pub(crate) fn successes_in_order(&self) -> Vec<Success<'_>> {
        let mut found: Vec<_> = self.calls.iter().filter_map(|(id, record)| success(*id, record)).collect();
        found.sort_unstable_by_key(|(position, _)| *position);
        found.into_iter().map(|(_, success)| success).collect()
    }

    /// A recorded sibling of the same name with other inputs that no call of this life stands for.
    pub(crate) fn diverging(
        &mut self,
        parent: CallId,
        name: &str,
        print: Fingerprint,
    ) -> Option<(CallId, &Start)> {
        let calls = &self.calls;
        let children = self.children.get_or_insert_with(|| by_parent(calls));
        let candidate = |id: &CallId| {
            let record = calls.get(id).filter(|record| !record.claimed)?;
            let start = record.start.as_deref()?;
            (start.name == name && start.fingerprint != print).then_some((*id, record.begin, start))
        };
        let siblings = children.get(&parent)?.iter().filter_map(candidate);
        siblings.min_by_key(|(_, begin, _)| *begin).map(|(id, _, start)| (id, start))
    }
}

type Success<'a> = (CallId, Option<&'a Start>, &'a Json, &'a str);

fn success(id: CallId, record: &Record) -> Option<(u64, Success<'_>)> {
    let done = record.done.as_ref()?;
    match &done.result {
        Known::Output { json, type_name, .. } => {
            Some((done.position, (id, record.start.as_deref(), json, type_name.as_str())))
        }
        Known::Failed(_) => None,
    }
}

fn by_parent(calls: &ByCall<Record>) -> ByCall<Vec<CallId>> {
    let mut children: ByCall<Vec<CallId>> = ByCall::default();
    for (id, record) in calls {
        if let Some(parent) = record.start.as_ref().and_then(|start| start.parent) {
            children.entry(parent).or_default().push(*id);
        }
    }
    children
}

fn patch_object(object: &mut Value, patch: &Json, id: EventId) -> Result<()> {
    let damaged = |error: &dyn std::fmt::Display| {
        Error::of(
            ErrorKind::Replay,
            format!("event {id} holds a patch that does not fit its object: {error}"),
        )
    };
    let patch: json_patch::Patch = serde_json::from_str(patch.get()).map_err(|error| damaged(&error))?;
    json_patch::patch(object, &patch).map_err(|error| damaged(&error))
}
