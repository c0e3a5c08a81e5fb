//! The `#[component]` attribute of gensx.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
