//! The fuzz target's seeds, and what it once found, without the fuzzer.

use std::{fs, path::Path};

#[path = "../../fuzz/check.rs"]
mod check;

#[test]
fn every_seed_of_the_event_decoder_is_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/decode_event");
    let seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(seeds.len() >= 30, "only {} seeds were found", seeds.len());
    for seed in seeds {
        let bytes = fs::read(&seed).unwrap();
        check::decode_event(&bytes);
        // Each beginning of it, too, as if the store had been cut off there.
        (0..bytes.len()).for_each(|end| check::decode_event(&bytes[..end]));
    }
}
