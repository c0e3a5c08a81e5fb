//! The `#[component]` attribute of gensx.
