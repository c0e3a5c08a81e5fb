//! The scripts of runs and of the cache: short, each over the keys of one run or output, and without a loop over anything that grows.

use std::sync::LazyLock;

use redis::{Cmd, cmd};

use crate::link::Request;

/// Lua that the server runs as one step.
pub(crate) struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(code: &'static str) -> Self {
        Self { hash: redis::Script::new(code).get_hash().to_owned(), code }
    }

    /// The request that runs it on these keys; `arguments` adds the rest.
    pub(crate) fn on(&'static self, keys: &[&str], arguments: impl FnOnce(&mut Cmd)) -> Request {
        let mut command = cmd("EVALSHA");
        command.arg(&self.hash).arg(keys.len()).arg(keys);
        arguments(&mut command);
        Request { command, script: Some(self) }
    }

    /// The command that makes it known to a server.
    pub(crate) fn load(&self) -> Cmd {
        let mut command = cmd("SCRIPT");
        command.arg("LOAD").arg(self.code);
        command
    }
}

macro_rules! scripts {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));)*

        /// All of them, to be made known before the first burst of requests.
        pub(crate) fn all() -> impl Iterator<Item = &'static Script> {
            [$(&*$name),*].into_iter()
        }
    };
}

scripts! {
    APPEND = "scripts/append.lua",
    CACHE_ABANDON = "scripts/cache_abandon.lua",
    CACHE_FILL = "scripts/cache_fill.lua",
    CACHE_LEAD = "scripts/cache_lead.lua",
    CACHE_RENEW = "scripts/cache_renew.lua",
    DELETE = "scripts/delete.lua",
    HEAD = "scripts/head.lua",
    INDEX = "scripts/index.lua",
    LOCATE = "scripts/locate.lua",
    NEXT = "scripts/next.lua",
    SEND = "scripts/send.lua",
}
