//! Components that are built outside any run while this process executes runs: mostly a `tokio::spawn` that should
//! have been `gensx::spawn`.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{Error, ErrorKind, component::Spec, run::lock};

/// What happens when a component is built outside any run while this process executes runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OutsideRuns {
    /// A warning is logged, once for each component.
    #[default]
    Warn,
    /// It is allowed.
    Allow,
    /// The call fails with [`ErrorKind::Config`](crate::ErrorKind::Config).
    Refuse,
}

/// Runs that this process executes, by what their runtime wants: it warns, allows, or refuses.
static RUNNING: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];
static REPORTED: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// A run that is executed here.
#[derive(Debug)]
pub(crate) struct Executing(OutsideRuns);

impl Executing {
    pub(crate) fn begin(policy: OutsideRuns) -> Self {
        RUNNING[policy as usize].fetch_add(1, Ordering::Relaxed);
        Self(policy)
    }
}

impl Drop for Executing {
    fn drop(&mut self) {
        RUNNING[self.0 as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

fn running(policy: OutsideRuns) -> bool {
    RUNNING[policy as usize].load(Ordering::Relaxed) > 0
}

/// Notes that a component was built outside any run, and says whether the call is refused.
pub(crate) fn note(spec: &Spec) -> bool {
    if running(OutsideRuns::Allow) {
        return false;
    }
    if running(OutsideRuns::Refuse) {
        return true;
    }
    if running(OutsideRuns::Warn)
        && lock(&REPORTED).get_or_insert_default().insert(spec.name.clone().into_owned())
    {
        tracing::warn!(
            component = %spec.name,
            path = spec.path,
            "component built outside any run while runs are executed here: nothing of it is recorded; inside a run, spawn with gensx::spawn"
        );
    }
    false
}

/// The error of a call that is refused.
pub(crate) fn refused(spec: &Spec) -> Error {
    let text =
        "it was built outside any run while runs are executed here: inside a run, spawn with gensx::spawn";
    Error::of(ErrorKind::Config, text).at(spec.name.as_ref().into(), 0).with_fate(crate::Fate::Permanent)
}
