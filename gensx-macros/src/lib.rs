//! The `#[component]` attribute of gensx.
//!
//! Use it through the `gensx` crate, whose hidden runtime module the generated code calls.
//!
//! An expansion passes through three stages: `args` and `item` read the syntax, `model` holds all rules and
//! finds all mistakes, `expand` writes the code. A mistake never stops the expansion: the function is still
//! written, with the refused option left out, so that one mistake gives exactly one message.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod component;
mod expand;
mod item;
mod mistake;
mod model;
mod suggest;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

#[doc = include_str!("component.md")]
#[proc_macro_attribute]
pub fn component(options: TokenStream, item: TokenStream) -> TokenStream {
    component::component(options.into(), item.into()).0.into()
}
