//! Components that are built outside any run while this process executes runs: mostly a `tokio::spawn` that should
//! have been `gensx::spawn`.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{component::Spec, run::lock};

/// What happens when a component is built outside any run while this process executes runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OutsideRuns {
    /// A warning is logged, once for each component.
    #[default]
    Warn,
    /// It is allowed.
    Allow,
}

static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// Runs whose runtime allows it.
static ALLOWING: AtomicUsize = AtomicUsize::new(0);
static REPORTED: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// A run that is executed here.
#[derive(Debug)]
pub(crate) struct Executing(OutsideRuns);

impl Executing {
    pub(crate) fn begin(policy: OutsideRuns) -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        if policy == OutsideRuns::Allow {
            ALLOWING.fetch_add(1, Ordering::Relaxed);
        }
        Self(policy)
    }
}

impl Drop for Executing {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        if self.0 == OutsideRuns::Allow {
            ALLOWING.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Notes that a component was built outside any run.
pub(crate) fn note(spec: &Spec) {
    if RUNNING.load(Ordering::Relaxed) == 0 || ALLOWING.load(Ordering::Relaxed) > 0 {
        return;
    }
    let first = lock(&REPORTED).get_or_insert_default().insert(spec.name.clone().into_owned());
    if first {
        tracing::warn!(
            component = %spec.name,
            path = spec.path,
            "component built outside any run while runs are executed here: nothing of it is recorded; inside a run, spawn with gensx::spawn"
        );
    }
}
