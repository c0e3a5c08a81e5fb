//! The core of gensx.
