//! The Redis backend of gensx. This crate is the room prepared for it; the sink itself comes with the next release.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
