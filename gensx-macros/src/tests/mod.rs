//! The macro as a function from tokens to tokens. What rustc makes of its output is tested in the `gensx` crate.

mod expansions;
mod mistakes;
mod several;
mod source;
