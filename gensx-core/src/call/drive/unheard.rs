//! Outcomes that are recorded when their callers are gone.

use super::Running;
use crate::{
    Result,
    call::settle,
    event::{ErrorBody, Origin},
    run::ledger::{Done, Known, Start},
};

/// An outcome that is recorded, and that the caller does not have yet.
pub(super) struct Unheard<T> {
    pub(super) position: u64,
    pub(super) outcome: Result<(T, Origin), ErrorBody>,
}

impl<T> Running<'_, T> {
    pub(super) fn as_start(&self) -> Start {
        Start {
            name: self.call.spec.name.clone().into_owned(),
            parent: Some(self.open.place.parent.id),
            version: self.call.spec.version,
            fingerprint: self.inputs.fingerprint,
            args: self.inputs.args.clone(),
            key: self.call.key.clone(),
            label: self.call.label.clone(),
        }
    }

    /// What is recorded, and was not waited for.
    fn unheard(&mut self) -> Option<Done> {
        let Unheard { position, outcome } = self.unheard.take()?;
        let result = match outcome {
            Ok((value, origin)) => {
                let limits = &self.open.node.run.config.limits;
                let json = settle::written(&value, &self.call.output, limits).ok()?;
                let type_name = (self.call.output.type_name)().to_owned();
                Known::Output { json, type_name, origin }
            }
            Err(body) => Known::Failed(body),
        };
        Some(Done { position, result })
    }
}

/// An outcome that was recorded is not lost with its caller: the next identical call is given it, now as in a replay.
impl<T> Drop for Running<'_, T> {
    fn drop(&mut self) {
        if let Some(done) = self.unheard() {
            let start = self.as_start();
            self.open.place.leave(Some(start), done);
        }
    }
}
