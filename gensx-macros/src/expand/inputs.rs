//! What of a call is recorded, and what makes it the call it is.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, Ident};

use super::body::bind;
use super::place::Place;
use crate::model::{Argument, Component, Mark, find_mention};

/// `let inputs`: the recorded inputs of this call.
pub(super) fn write(component: &Component) -> TokenStream {
    let at = Place::of(&component.signature.ident).whole();
    let krate = component.options.krate.at(at);
    let arguments = component.signature.arguments.iter().map(record);
    let cache = component.options.cache.as_ref();
    let key = cache.and_then(|cache| cache.key.as_ref());
    let key = key.map(|key| over_arguments(component, "cache_key", key));
    let scope = cache.and_then(|cache| cache.scope.as_ref());
    let scope = scope.map(|scope| over_arguments(component, "cache_scope", scope));
    let sendable = sendable(component);
    quote_spanned! {at=>
        #(#sendable)*
        let inputs = #krate::__private::inputs(spec, |i| {
            #(#arguments)*
            #key
            #scope
        });
    }
}

/// Records one argument.
fn record(argument: &Argument) -> TokenStream {
    let place = Place::of(&argument.ty);
    let (at, value) = (place.whole(), place.reference(&argument.name));
    let name = argument.name.unraw().to_string();
    match argument.mark {
        Mark::Input => quote_spanned!(at=> i.input(#name, #value);),
        Mark::Secret => quote_spanned!(at=> i.secret(#name, #value);),
        Mark::Skip => quote_spanned!(at=> i.skip(#name);),
    }
}

/// Asks for `Send` at each argument: rustc would report it at the future, far from its cause.
fn sendable(component: &Component) -> Vec<TokenStream> {
    let check = |place: Place, value: &Ident| {
        let (at, value) = (place.whole(), place.reference(value));
        let krate = component.options.krate.at(at);
        quote_spanned!(at=> #krate::__private::sendable(#value);)
    };
    let receiver = component.signature.receiver.iter();
    let receiver = receiver.map(|receiver| check(Place::of(receiver), &receiver.self_token.into()));
    let arguments = component.signature.arguments.iter();
    let arguments = arguments.map(|argument| check(Place::of(&argument.ty), &argument.name));
    receiver.chain(arguments).collect()
}

/// Records the value of an expression that sees the arguments as the body does, and may use them up.
fn over_arguments(component: &Component, record: &str, value: &Expr) -> TokenStream {
    let tokens = value.to_token_stream();
    let used =
        component.signature.arguments.iter().filter(|argument| find_mention(&tokens, argument).is_some());
    let bound = used.map(|argument| {
        let (copied, bound) = bind(&component.options.krate, argument);
        quote!(#copied #bound)
    });
    let at = Place::of(value).whole();
    let record = Ident::new(record, at);
    // Copies of `mut` arguments need not be changed here, and not all of a pattern is needed.
    quote_spanned!(at=> #[allow(unused_mut, unused_variables)] {
        #(#bound)*
        i.#record(&(#value));
    })
}
