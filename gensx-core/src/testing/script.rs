//! The probe of a test runtime: doubles, and the record of what happened.

use std::sync::{Arc, Mutex};

use super::{Happened, doubles::Doubles, record::Recorder};
use crate::{
    CallId, Result,
    call::{Probe, Seen},
    clock::BoxFuture,
    event::{Json, Origin},
    identity::Fingerprint,
    run::lock,
};

#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) doubles: Mutex<Doubles>,
    pub(super) recorder: Mutex<Recorder>,
}

impl Script {
    pub(super) fn probe(self: &Arc<Self>) -> Arc<dyn Probe> {
        Arc::clone(self) as Arc<dyn Probe>
    }
}

impl Probe for Script {
    fn begins(&self, call: &Seen<'_>) -> Option<BoxFuture<Result<Json>>> {
        let instead = lock(&self.doubles).begins(call);
        let happened = instead.as_ref().map_or(Happened::Ran, |(happened, _)| *happened);
        lock(&self.recorder).note(call, happened);
        instead.map(|(_, future)| future)
    }

    fn heard(&self, call: &Seen<'_>) {
        lock(&self.doubles).ended(call.id);
        lock(&self.recorder).note(call, Happened::Replayed);
    }

    fn ended(&self, call: &Seen<'_>, output: Option<Origin>) {
        // The outcome of a run's first call is durable with the run's last event, after this.
        if *call.path != *call.name {
            lock(&self.doubles).ended(call.id);
        }
        let happened = match output {
            None => Happened::Failed,
            Some(Origin::Cached) => Happened::Cached,
            Some(Origin::Fallback) => Happened::FellBack,
            Some(Origin::Executed | Origin::Carried) => return,
        };
        lock(&self.recorder).note(call, happened);
    }

    /// The same for the same call of the same run, so that two lives of it differ in nothing that a run records.
    fn random(&self, call: CallId) -> [u8; 16] {
        Fingerprint::of(format!("gensx test\0{call}").as_bytes()).0
    }
}
