//! The queue's scripts. Each is put together from the parts that it needs, since a server's scripts share nothing.
//!
//! The first line says what the server is to do when its memory is short: it refuses what adds runs as a whole, and lets
//! through what lets go of them or keeps them going.

use std::sync::LazyLock;

use crate::script::Script;

macro_rules! scripts {
    ($($name:ident = $flags:literal, [$($part:literal)*]);* $(;)?) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!("#!lua", $flags, "\n", $(include_str!(concat!("scripts/", $part, ".lua"))),*))
        });)*

        /// All of them, to be made known before the first burst of requests.
        pub(crate) fn all() -> impl Iterator<Item = &'static Script> {
            [$(&*$name),*].into_iter()
        }
    };
}

scripts! {
    ENQUEUE = "", ["base" "record" "fleet" "gates" "moves" "enqueue"];
    CLAIM = " flags=allow-oom", ["base" "record" "fleet" "gates" "moves" "claim"];
    RENEW = " flags=allow-oom", ["base" "record" "renew"];
    RELEASE = " flags=allow-oom", ["base" "record" "fleet" "gates" "moves" "release"];
    WAKE = " flags=allow-oom", ["base" "record" "fleet" "gates" "moves" "wake"];
    ANNOUNCE = " flags=allow-oom", ["base" "record" "fleet" "gates" "moves" "announce"];
    REMOVE = " flags=allow-oom", ["base" "record" "fleet" "gates" "moves" "remove"];
    STATS = " flags=no-writes", ["base" "stats"];
    DEPLOYMENTS = " flags=allow-oom", ["base" "record" "fleet" "gates" "moves" "deployments"];
    FIND = " flags=no-writes", ["find"];
    DEAD = " flags=no-writes", ["dead"];
}
