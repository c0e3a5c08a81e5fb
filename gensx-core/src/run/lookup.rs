//! What is to be done about a call, given what is recorded of it. Pure.

use super::ledger::{Known, Record, Wait};
use crate::{component::KeyChange, identity::Fingerprint};

/// What the program says of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) version: u32,
    pub(crate) fingerprint: Fingerprint,
    /// Whether a key stands for the fingerprint, and what is done when the fingerprint changed.
    pub(crate) keyed: Option<KeyChange>,
    /// Where the parent's current attempt begins.
    pub(crate) parent_begin: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Plan {
    /// Nothing that holds is recorded: run it.
    Run,
    /// Its outcome is recorded, at this position.
    Hear(u64),
    /// It had started when the process ended: go on with this attempt.
    GoOn { attempt: u32, begin: u64, wait: Option<Wait> },
    /// The key's inputs changed, and the author wants that to fail.
    Refuse,
}

pub(crate) fn plan(record: Option<&Record>, asked: &Asked) -> Plan {
    let Some(record) = record else { return Plan::Run };
    if let Some(start) = &record.start {
        let changed = start.fingerprint != asked.fingerprint;
        match asked.keyed {
            Some(KeyChange::Fail) if changed => return Plan::Refuse,
            Some(KeyChange::Rerun) if changed => return Plan::Run,
            _ if start.version != asked.version => return Plan::Run,
            _ => {}
        }
    }
    match &record.done {
        Some(done) => match done.result {
            Known::Output { .. } => Plan::Hear(done.position),
            Known::Failed(_) if done.position > asked.parent_begin => Plan::Hear(done.position),
            Known::Failed(_) => Plan::Run,
        },
        None if record.is_open(asked.parent_begin) => {
            Plan::GoOn { attempt: record.attempt.max(1), begin: record.begin, wait: record.wait }
        }
        None => Plan::Run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Error,
        error::ErrorRecord,
        event::{ErrorBody, Origin},
        run::ledger::{Done, Start},
    };

    fn known(ok: bool) -> Known {
        if !ok {
            return Known::Failed(ErrorBody(ErrorRecord::of(&Error::msg("x"), None, str::to_owned)));
        }
        Known::Output { json: crate::component::null(), type_name: "()".to_owned(), origin: Origin::Executed }
    }

    fn record(done: Option<(u64, bool)>) -> Record {
        let start = Start {
            name: "a".to_owned(),
            parent: None,
            version: 1,
            fingerprint: Fingerprint([1; 16]),
            args: std::collections::BTreeMap::new(),
            key: None,
            label: None,
        };
        let done = done.map(|(position, ok)| Done { position, result: known(ok) });
        Record { begin: 5, attempt: 2, done, start: Some(Box::new(start)), ..Record::default() }
    }

    const ASKED: Asked =
        Asked { version: 1, fingerprint: Fingerprint([1; 16]), keyed: None, parent_begin: 2 };

    #[test]
    fn a_success_holds_and_a_failure_holds_within_its_parents_attempt() {
        assert_eq!(plan(None, &ASKED), Plan::Run);
        assert_eq!(plan(Some(&record(Some((7, true)))), &ASKED), Plan::Hear(7));
        assert_eq!(plan(Some(&record(Some((7, false)))), &ASKED), Plan::Hear(7));
        let later = Asked { parent_begin: 8, ..ASKED };
        assert_eq!(plan(Some(&record(Some((7, true)))), &later), Plan::Hear(7));
        assert_eq!(plan(Some(&record(Some((7, false)))), &later), Plan::Run);
    }

    #[test]
    fn an_open_call_goes_on_in_its_attempt() {
        assert_eq!(plan(Some(&record(None)), &ASKED), Plan::GoOn { attempt: 2, begin: 5, wait: None });
        assert_eq!(plan(Some(&record(None)), &Asked { parent_begin: 6, ..ASKED }), Plan::Run);
    }

    #[test]
    fn another_version_runs_again() {
        assert_eq!(plan(Some(&record(Some((7, true)))), &Asked { version: 2, ..ASKED }), Plan::Run);
    }

    #[test]
    fn changed_inputs_of_a_key_follow_the_policy() {
        let changed = Fingerprint([2; 16]);
        let asked = |change| Asked { fingerprint: changed, keyed: Some(change), ..ASKED };
        let known = record(Some((7, true)));
        assert_eq!(plan(Some(&known), &asked(KeyChange::Rerun)), Plan::Run);
        assert_eq!(plan(Some(&known), &asked(KeyChange::Keep)), Plan::Hear(7));
        assert_eq!(plan(Some(&known), &asked(KeyChange::Fail)), Plan::Refuse);
    }
}
