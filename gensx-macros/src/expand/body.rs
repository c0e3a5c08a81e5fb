//! The body as a closure that can run once for each attempt.

use proc_macro2::{Group, TokenStream};
use quote::{quote, quote_spanned};
use syn::Lifetime;

use super::place::Place;
use crate::item::Function;
use crate::model::{Argument, Component, Krate, Mark};

/// The closure: it copies the arguments and gives the body's future.
pub(super) fn write(component: &Component, function: &Function) -> TokenStream {
    let signature = &component.signature;
    let output = &signature.output;
    let at = Place::of(&signature.ident).whole();
    let krate = component.options.krate.at(at);
    let bound = signature.arguments.iter().map(|argument| bind(&component.options.krate, argument));
    let (copied, bound): (Vec<_>, Vec<_>) = bound.unzip();
    let body = &function.body;
    // Never taken, it tells rustc the type that the body's end and its `?` must have.
    let typed = quote_spanned! {at=>
        if false {
            return #krate::__private::unreachable::<#output>();
        }
    };
    // The body keeps its braces, where rustc reports that it is not finished; the label keeps rustc from calling them
    // superfluous.
    let begins = function.body.as_ref().map_or(at, Group::span_open);
    let label = Lifetime::new("'__gensx_body", begins);
    // As if the user had written it: what rustc says about the body's end is then all it shows.
    quote_spanned! {signature.ident.span()=>
        move || {
            #(#copied)*
            async move {
                #typed
                #(#bound)*
                #label: #body
            }
        }
    }
}

/// A fresh copy of an argument, and the user's pattern over it.
///
/// Inside the future they are bound again, so that they live as long as arguments do, used or not.
pub(super) fn bind(krate: &Krate, argument: &Argument) -> (TokenStream, TokenStream) {
    let Argument { name, pattern, ty, lints, .. } = argument;
    let at = Place::of(ty).whole();
    let copy = copy(krate, argument);
    let copied = quote_spanned!(at=> let #name = #copy;);
    let bound = if argument.is_name() {
        // `_guard` only has to live; without this, clippy finds that it does nothing else.
        let guard = name.to_string().starts_with('_');
        let lint = guard.then(|| quote!(#[allow(clippy::no_effect_underscore_binding)]));
        quote_spanned!(at=> #lint #(#lints)* let #pattern = #name;)
    } else {
        quote_spanned!(at=> let #name = #name; #(#lints)* let #pattern = #name;)
    };
    (copied, bound)
}

fn copy(krate: &Krate, argument: &Argument) -> TokenStream {
    let place = Place::of(&argument.ty);
    let (at, value) = (place.whole(), place.reference(&argument.name));
    let krate = krate.at(at);
    quote_spanned!(at=> #krate::__private::copy(#value))
}

/// `let fallback`, and the end of the call that hands it over.
pub(super) fn fallback(component: &Component) -> Option<(TokenStream, TokenStream)> {
    let path = component.options.fallback.as_ref()?;
    let at = Place::of(path).whole();
    let inputs = || component.signature.arguments.iter().filter(|argument| argument.mark != Mark::Skip);
    let kept = inputs().map(|argument| bind(&component.options.krate, argument).0);
    let copies = inputs().map(|argument| copy(&component.options.krate, argument));
    let fallback = quote_spanned! {at=>
        let fallback = {
            #(#kept)*
            move |error| #path(error #(, #copies)*)
        };
    };
    Some((fallback, quote_spanned!(at=> .fallback(fallback))))
}
