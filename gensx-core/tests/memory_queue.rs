//! The queue in memory passes the conformance suite.

use gensx_core::{MemoryQueue, queue::conformance::Fixture, queue_conformance_tests};

queue_conformance_tests!(async || Fixture::new(MemoryQueue::new()));
