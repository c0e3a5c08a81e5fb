//! Any bytes may stand in a store: decoding them never panics.

#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::decode_event(bytes));
