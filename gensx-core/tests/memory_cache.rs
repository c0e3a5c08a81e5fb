//! The cache in memory passes the conformance suite.

use gensx_core::{
    cache::{MemoryCache, conformance::Fixture},
    cache_conformance_tests,
};

cache_conformance_tests!(async || Fixture::new(MemoryCache::default()));
