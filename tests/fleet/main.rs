//! A fleet: clients that start runs through a queue, and workers that execute them. Real workers, in one process.
#![allow(missing_docs)]

mod bad;
mod basics;
mod chaos;
mod control;
mod deaths;
mod drain;
mod failover;
mod keep;
mod list;
mod order;
mod park;
mod signals;
mod skew;
mod support;
