//! Workflows: what each combinator does, alone and in a run, and what a run of one remembers.
#![allow(missing_docs)]

mod bodies;
mod combinators;
mod failures;
mod identity;
mod order;
mod plan;
mod resume;
mod support;
