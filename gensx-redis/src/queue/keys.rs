//! The keys of a queue: a fixed number, so that every script names all of them beforehand, and all in one slot.

use redis::Cmd;

use crate::{keys::Keys, link::Request, script::Script, store::Store};

/// In the order in which `scripts/base.lua` has them.
const NAMES: [&str; 13] = [
    "runs",
    "first",
    "lanes",
    "lines",
    "limits",
    "agenda",
    "ready",
    "dead",
    "served",
    "counts",
    "fleet",
    "workers",
    "deployments",
];

/// The names of one queue.
#[derive(Clone, Debug)]
pub(crate) struct QueueKeys {
    all: [String; NAMES.len()],
    pub(crate) bell: String,
    prefix: Keys,
}

impl QueueKeys {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self { all: NAMES.map(|name| keys.queue(name)), bell: keys.queue_bell(), prefix: keys.clone() }
    }

    /// All of them, as every script but the smallest names them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(String::as_str)
    }

    pub(crate) fn runs(&self) -> &str {
        &self.all[0]
    }

    pub(crate) fn agenda(&self) -> &str {
        &self.all[5]
    }

    pub(crate) fn dead(&self) -> &str {
        &self.all[7]
    }

    pub(crate) fn counts(&self) -> &str {
        &self.all[9]
    }

    /// Where an idempotency key is remembered. It expires by itself, so that no script has to look for those that are over.
    pub(crate) fn idempotency(&self, workflow: &str, key: &str) -> String {
        self.prefix.queue(&format!("key:{workflow}\n{key}"))
    }

    /// Where what a worker's last claim gave is kept, while that may be sent again.
    pub(crate) fn given(&self, worker: &str) -> String {
        self.prefix.queue(&format!("given:{worker}"))
    }

    /// The request that runs a script on all keys, and one more.
    pub(super) fn request(
        &self,
        store: &Store,
        script: &'static Script,
        more: Option<&str>,
        arguments: impl FnOnce(&mut Cmd),
    ) -> Request {
        let keys: Vec<&str> = self.all().chain(more).collect();
        script.on(&keys, |command| {
            command.arg(store.publish()).arg(&self.bell);
            arguments(command);
        })
    }
}
