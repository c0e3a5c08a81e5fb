//! What must be true of leases, from what workers were told and when, by one clock.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gensx_core::{
    RunId,
    queue::{Grant, Lease, Released},
};

use crate::{MAX_AT_ONCE, is_limited, limit_key};

#[derive(Default)]
pub(crate) struct Oracle {
    runs: Mutex<HashMap<RunId, Known>>,
    answers: AtomicUsize,
    pub(crate) errors: AtomicUsize,
    pub(crate) lost: AtomicUsize,
    pub(crate) woken: AtomicUsize,
}

#[derive(Default, Debug)]
struct Known {
    /// Until when nobody else may have it, at least, and by which lease.
    held: Option<(u64, Instant)>,
    /// Its last event is in its stream: some worker that had it asked for it to be released as done.
    ended: bool,
    /// It was answered that it is released as done.
    done: u64,
    /// Its client was answered that it is queued: it asks for it no more.
    queued: bool,
    /// It ended while its client still asked. The queue has forgotten it, and takes another try for a fresh run; who claims
    /// that one finds the last event in its stream.
    ended_early: bool,
    grants: usize,
    /// For who looks into a failure.
    history: Vec<String>,
}

/// How a run stands that was given out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    /// Its stream has its last event.
    Ended,
    /// The lease may be over.
    Late,
}

fn number(run: &RunId) -> usize {
    run.as_str().trim_start_matches("run-").parse().unwrap()
}

impl Known {
    fn may_come_again(&self) -> bool {
        !self.queued || self.ended_early
    }

    fn note(&mut self, what: &str, lease: &Lease) {
        self.history.push(format!("{:?}: {what} {}", Instant::now(), lease.number));
    }
}

impl Oracle {
    /// A worker was given a run, by a claim that was sent at `asked`.
    pub(crate) fn granted(&self, grant: &Grant, asked: Instant, lease: Duration) -> Standing {
        let run = &grant.lease.run;
        let mut runs = self.runs.lock().unwrap();
        let now = Instant::now();
        if asked + lease <= now {
            // Its answer took so long that others may have had the run, and done it.
            return Standing::Late;
        }
        let known = runs.entry(run.clone()).or_default();
        assert!(
            known.done == 0 || known.may_come_again(),
            "`{run}` was given out though it is done: {:#?}",
            known.history
        );
        if let Some((number, until)) = known.held {
            let free = until <= now || number == grant.lease.number;
            assert!(free, "`{run}` is held by lease {number}: {:#?}", known.history);
        }
        assert_eq!(grant.first.as_deref(), Some(number(run).to_string().as_bytes()), "of `{run}`");
        known.note("granted", &grant.lease);
        (known.held, known.grants) = (Some((grant.lease.number, asked + lease)), known.grants + 1);
        let ended = known.ended;
        // Those of the same key that are surely held at this moment.
        if is_limited(number(run)) {
            let same = |other: &RunId| {
                is_limited(number(other)) && limit_key(number(other)) == limit_key(number(run))
            };
            let held = |known: &Known| known.held.is_some_and(|(_, until)| until > now);
            let at_once: Vec<_> = runs.iter().filter(|(other, known)| same(other) && held(known)).collect();
            assert!(at_once.len() <= MAX_AT_ONCE as usize, "with `{run}` at once: {at_once:#?}");
        }
        if ended { Standing::Ended } else { Standing::Open }
    }

    /// A lease was renewed, by a request that was sent at `asked`.
    pub(crate) fn renewed(&self, lease: &Lease, asked: Instant, by: Duration) {
        if let Some(known) = self.runs.lock().unwrap().get_mut(&lease.run) {
            known.note("renewed", lease);
            known.held = Some((lease.number, asked + by));
        }
    }

    /// From here on it may be anybody's: a release is about to be sent, or the lease is forgotten.
    pub(crate) fn lets_go(&self, lease: &Lease, ended: bool) {
        if let Some(known) = self.runs.lock().unwrap().get_mut(&lease.run) {
            known.note("let go", lease);
            known.ended |= ended;
            if known.held.is_some_and(|(number, _)| number == lease.number) {
                known.held = None;
            }
        }
    }

    pub(crate) fn released(&self, lease: &Lease, answer: Released, as_done: bool) {
        self.answered();
        if let Some(known) = self.runs.lock().unwrap().get_mut(&lease.run) {
            known.note("released", lease);
        }
        let counter = match answer {
            Released::Lost => &self.lost,
            Released::Woken => &self.woken,
            Released::Released => &self.answers,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if as_done && answer == Released::Released {
            let mut runs = self.runs.lock().unwrap();
            let known = runs.get_mut(&lease.run).expect("it was granted");
            known.done += 1;
            assert!(known.done == 1 || known.may_come_again(), "`{}` was done twice", lease.run);
        }
    }

    /// The client of a run was answered, and asks no more.
    pub(crate) fn queued(&self, run: &RunId) {
        let mut runs = self.runs.lock().unwrap();
        let known = runs.entry(run.clone()).or_default();
        (known.queued, known.ended_early) = (true, known.ended);
    }

    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    /// Runs whose last event is in.
    pub(crate) fn done(&self) -> usize {
        self.runs.lock().unwrap().values().filter(|known| known.ended).count()
    }

    pub(crate) fn judge(&self, runs: usize) {
        let known = self.runs.lock().unwrap();
        assert_eq!(known.len(), runs, "each was given out");
        assert!(known.values().all(|known| known.ended && (known.done <= 1 || known.may_come_again())));
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs.lock().unwrap();
        let grants: usize = runs.values().map(|known| known.grants).sum();
        let done: u64 = runs.values().map(|known| known.done).sum();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        write!(
            f,
            "{} runs, {grants} grants, {done} told to be done, {} errors, {} lost, {} woken;",
            runs.len(),
            count(&self.errors),
            count(&self.lost),
            count(&self.woken)
        )
    }
}
