//! The embedded backend of gensx: one `SQLite` file, several processes, no server.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
