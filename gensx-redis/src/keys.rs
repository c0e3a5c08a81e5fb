//! Names of keys and channels. All of a run's are in one slot of a cluster.

use std::sync::Arc;

use gensx_core::{EventId, MAX_SEQ, RunId};

/// The lists of runs are spread over so many keys, each in a slot of its own.
pub(crate) const INDEX_SHARDS: u32 = 8;

/// Names under one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

/// A list of runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Index<'a> {
    /// Every run, in the order in which they began.
    All,
    /// Those that have not ended, in the same order.
    Unfinished,
    /// Those of one workflow, in the same order.
    Workflow(&'a str),
    /// Those whose places above are to be looked at again, by when.
    Due,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn stream(&self, run: &RunId) -> String {
        self.of_run(run, "ev")
    }

    pub(crate) fn inbox(&self, run: &RunId) -> String {
        self.of_run(run, "in")
    }

    /// Where a stream that ended is copied to, within one script.
    pub(crate) fn copy(&self, run: &RunId) -> String {
        self.of_run(run, "cp")
    }

    /// The channel that tells of a run's new events.
    pub(crate) fn channel(&self, run: &RunId) -> String {
        self.of_run(run, "n")
    }

    fn of_run(&self, run: &RunId, what: &str) -> String {
        let Self { prefix } = self;
        format!("{prefix}:{{{run}}}:{what}")
    }

    /// The run whose channel this is.
    pub(crate) fn run_of_channel(&self, channel: &[u8]) -> Option<RunId> {
        let channel = std::str::from_utf8(channel).ok()?;
        let name = channel.strip_prefix(&*self.prefix)?.strip_prefix(":{")?;
        name.strip_suffix("}:n")?.parse().ok()
    }

    /// The channel that tells of messages to any run.
    pub(crate) fn mail(&self) -> String {
        format!("{}:mail", self.prefix)
    }

    /// A key of the queue, or its doorbell's channel. With the prefix in the braces, the queues of two applications on one
    /// cluster are in two slots, and with the colon no run's name is the same.
    pub(crate) fn queue(&self, what: &str) -> String {
        let Self { prefix } = self;
        format!("{prefix}:{{{prefix}:queue}}:{what}")
    }

    /// The channel that tells of the queue.
    pub(crate) fn queue_bell(&self) -> String {
        self.queue("bell")
    }

    /// A key of one output of the cache, by the hash of its name: each output is in a slot of its own.
    pub(crate) fn cache(&self, hash: &str, what: &str) -> String {
        format!("{}:{{cache:{hash}}}:{what}", self.prefix)
    }

    /// The channel that tells of outputs that others wait for.
    pub(crate) fn cache_bell(&self) -> String {
        format!("{}:cache", self.prefix)
    }

    pub(crate) fn index(&self, shard: u32, index: Index<'_>) -> String {
        let (name, workflow) = match index {
            Index::All => ("runs", ""),
            Index::Unfinished => ("open", ""),
            Index::Workflow(workflow) => ("of:", workflow),
            Index::Due => ("due", ""),
        };
        format!("{}:{{ix{shard}}}:{name}{workflow}", self.prefix)
    }
}

/// The shard of the lists that names a run (FNV-1a, so that each version and process finds the same).
pub(crate) fn shard(run: &RunId) -> u32 {
    let hash = run
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % INDEX_SHARDS
}

/// A stream id as Redis writes it; `None` for one that gensx does not write.
pub(crate) fn parse_id(id: &[u8]) -> Option<EventId> {
    let (epoch, seq) = std::str::from_utf8(id).ok()?.split_once('-')?;
    let seq = seq.parse().ok().filter(|seq| (1..=MAX_SEQ).contains(seq))?;
    Some(EventId::new(epoch.parse().ok().filter(|epoch| *epoch > 0)?, seq))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_come_back(epoch in 1..=u32::MAX, seq in 1..=MAX_SEQ) {
            prop_assert_eq!(parse_id(format!("{epoch}-{seq}").as_bytes()), Some(EventId::new(epoch, seq)));
        }

        #[test]
        fn any_bytes_as_an_id_or_a_channel_are_answered(bytes: Vec<u8>) {
            let _ = parse_id(&bytes);
            let _ = Keys::new("gensx").run_of_channel(&bytes);
        }

        #[test]
        fn a_channel_names_its_run(name in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}") {
            let (keys, run) = (Keys::new("a:b"), name.parse::<RunId>().unwrap());
            prop_assert_eq!(keys.run_of_channel(keys.channel(&run).as_bytes()), Some(run));
        }
    }

    #[test]
    fn foreign_ids_are_none() {
        for id in ["1795435597000-0", "0-1", "1-0", "5", "-", "1-x", "4294967296-1", "1-9007199254740992"] {
            assert_eq!(parse_id(id.as_bytes()), None, "{id}");
        }
    }
}
