//! The protocol, explored: queue, streams, workers, clients and what goes wrong, in every order.
//!
//! `rules.rs` is the table of the functions under test; `world.rs` what there is and what must hold of it; `acts.rs` what
//! may happen next, `scene.rs` and `work.rs` what it changes; `explore.rs` goes through all of it; `mutants.rs` puts
//! a mistake into each function in turn, and demands that it is found.
//!
//! Each run does two calls, with a message awaited between them. Trouble is bounded, since what is explored must be
//! finite: a worker that dies, a lease that runs out under a worker that lives, a reply that is lost, a drain, a sink that
//! does not answer, a store that loses the tail of a stream; and, counted with them, a cancellation, and a client whose first
//! append comes late.

mod acts;
mod explore;
mod mutants;
mod rules;
mod scene;
mod work;
mod world;

use self::{
    explore::{explore, walk},
    rules::Rules,
    world::World,
};

/// Troubles in one history of two workers and one run.
const TROUBLES: u8 = 2;
const WALKS: u64 = 400;

#[test]
fn every_history_of_two_workers_and_one_run_keeps_the_promises() {
    let states = explore(World::new(2, 1, TROUBLES), Rules::real()).unwrap();
    // Fewer would mean that something cannot happen any more.

    assert!(states > 20_000, "only {states} states");
}

#[test]
fn random_histories_of_three_workers_and_three_runs_keep_the_promises() {
    for seed in 0..WALKS {
        walk(World::new(3, 3, 12), Rules::real(), seed).unwrap();
    }
}
