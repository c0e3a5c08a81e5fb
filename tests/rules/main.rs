//! The rules of idempotence, each with a test named after it; and what else holds of runs.
#![allow(missing_docs)]

mod attempts;
#[path = "../crash/common/backend.rs"]
mod backend;
mod bounds;
mod cached;
mod claims;
mod damage;
mod dropped;
mod edits;
mod identity;
mod messages;
mod order;
mod runs;
mod scale;
mod server;
mod sinks;
mod streams;
mod support;
