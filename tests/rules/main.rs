//! The rules of idempotence, each with a test named after it; and what else holds of runs.
#![allow(missing_docs)]

mod attempts;
#[path = "../crash/common/backend.rs"]
mod backend;
mod bounds;
mod cached;
mod carried;
mod claims;
mod damage;
mod dropped;
mod edits;
mod faults;
mod identity;
mod messages;
mod order;
mod rebuilt;
mod runs;
mod scale;
mod server;
mod shutdown;
mod sinks;
mod stops;
mod streams;
mod support;
