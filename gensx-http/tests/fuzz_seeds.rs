//! The fuzz target's seeds, what it once found, and random requests like them, without the fuzzer.

use std::{fs, path::Path};

use proptest::prelude::*;

#[path = "../../fuzz/request.rs"]
mod request;

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/http_request");
    fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn every_seed_is_answered() {
    let seeds = seeds();
    assert!(seeds.len() >= 30, "only {} seeds were found", seeds.len());
    for seed in seeds {
        (0..=seed.len()).for_each(|end| request::request(&seed[..end]));
    }
}

proptest! {
    #[test]
    fn every_seed_with_other_bytes_in_it_is_answered(
        seed in prop::sample::select(seeds()),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut seed = seed;
        let at = at.index(seed.len());
        seed.splice(at..(at + bytes.len()).min(seed.len()), bytes);
        request::request(&seed);
    }

    #[test]
    fn any_value_of_a_parameter_is_answered(
        name in prop::sample::select(vec!["offset", "live", "cursor", "token", "after", "since", "startIndex"]),
        value in "(%[0-9a-fA-F]{2}|[!-~]){0,40}",
    ) {
        for path in ["/runs/a/events", "/runs", "/runs/a/ui", "/workflowExecutions/a/progress"] {
            request::request(format!("{path}?offset=-1&{name}={value}").as_bytes());
        }
    }
}
