//! The rules of idempotence, each with a test named after it.
#![allow(missing_docs)]

mod attempts;
mod identity;
mod order;
mod runs;
mod support;
