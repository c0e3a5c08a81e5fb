//! Any query and any headers may be sent: they are answered, and never by a failure of the server's.

#![no_main]

#[path = "../request.rs"]
mod request;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| request::request(bytes));
