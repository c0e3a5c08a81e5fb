//! The embedded backend of gensx: one `SQLite` file, several processes, no server.
