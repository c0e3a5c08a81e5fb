//! The sink in memory passes the conformance suite.

use gensx_core::{MemorySink, conformance_tests, sink::conformance::Fixture};

conformance_tests!(async || Fixture::new(MemorySink::new()));
