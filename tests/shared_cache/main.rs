//! One cache for several processes: identical calls in flight are computed once, and nothing that befalls a leader or Redis
//! holds the others up, or shows in an outcome.

mod crowd;
mod deaths;
mod support;
mod trouble;
