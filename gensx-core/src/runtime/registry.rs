//! Workflows by name, for runs that are resumed after a restart.

use std::{collections::HashMap, fmt, sync::Arc};

use super::Runtime;
use crate::{Result, RunId, clock::BoxFuture};

type Resume = Arc<dyn Fn(Runtime, RunId) -> BoxFuture<Result<()>> + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Registry(HashMap<String, Resume>);

impl Registry {
    pub(crate) fn insert(&mut self, name: String, resume: Resume) {
        self.0.insert(name, resume);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Resume> {
        self.0.get(name).cloned()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
