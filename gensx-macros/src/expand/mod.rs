//! The generated code: types and constants handed to the hidden runtime module, and no policy of its own.
//!
//! What the user may have left out (`Clone`, `Serialize`, ..) is asked for by code that stands at the argument or at the
//! return type, so that rustc's message points there. Local names are hygienic: the user's body cannot see them.

mod body;
mod inputs;
mod place;
mod spec;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};

use crate::item::Function;
use crate::model::{Argument, Component};
use place::Place;

/// Writes a component.
pub(crate) fn component(component: &Component, function: &Function) -> TokenStream {
    let signature = &component.signature;
    let Function { attrs, vis, .. } = function;
    let (ident, generics, where_clause) =
        (&signature.ident, &signature.generics, &signature.generics.where_clause);
    let parameters = parameters(component);
    let returned = returned(component);
    let body = body(component, function);
    quote! {
        #(#attrs)*
        #vis fn #ident #generics (#(#parameters),*) -> #returned #where_clause {
            #body
        }
    }
}

fn parameters(component: &Component) -> Vec<TokenStream> {
    let receiver = component.signature.receiver.iter().map(ToTokens::to_token_stream);
    let typed = component.signature.arguments.iter().map(|Argument { name, ty, .. }| quote!(#name: #ty));
    receiver.chain(typed).collect()
}

fn returned(component: &Component) -> TokenStream {
    let lifetime = &component.signature.lifetime;
    let (begin, end) = Place::of(&component.signature.output).ends();
    let krate = component.options.krate.at(begin);
    let projection = projection(component);
    let (call, rest) = (quote_spanned!(begin=> #krate::Call), quote_spanned!(end=> ::Output>));
    quote!(#call<#lifetime, #projection #rest)
}

/// `<Result<T, E> as Return>`, standing at the return type.
fn projection(component: &Component) -> TokenStream {
    let output = &component.signature.output;
    let (begin, end) = Place::of(output).ends();
    let krate = component.options.krate.at(end);
    let (open, rest) = (quote_spanned!(begin=> <), quote_spanned!(end=> as #krate::__private::Return>));
    quote!(#open #output #rest)
}

fn body(component: &Component, function: &Function) -> TokenStream {
    let at = Place::of(&component.signature.ident).whole();
    let spec = spec::write(component);
    let inputs = inputs::write(component);
    let call = call(component, function);
    let (fallback, with_fallback) = body::fallback(component).unzip();
    quote_spanned! {at=>
        #spec
        #inputs
        #fallback
        #call
        #with_fallback
    }
}

/// The call, standing at the return type: its codecs ask that type for what it must have.
fn call(component: &Component, function: &Function) -> TokenStream {
    let place = Place::of(&component.signature.output);
    let (begin, end) = place.ends();
    let krate = component.options.krate.at(begin);
    let codec = output_codec(component);
    let errors = error_codec(component);
    let attempt = body::write(component, function);
    let local = place.whole();
    let arguments = quote_spanned!(local=> spec, inputs, #codec, #errors, #attempt);
    let call = quote_spanned!(begin=> #krate::__private::call);
    let arguments = quote_spanned!(end=> (#arguments));
    quote!(#call #arguments)
}

fn output_codec(component: &Component) -> TokenStream {
    let output = &component.signature.output;
    let (begin, end) = Place::of(output).ends();
    let krate = component.options.krate.at(begin);
    let (path, rest) = (quote_spanned!(begin=> #krate::__private::output), quote_spanned!(end=> >()));
    quote!(#path::<#output #rest)
}

/// How errors are kept: as themselves if they can be read back, which is found out by whether the inherent constant
/// exists; otherwise the trait's stands in.
fn error_codec(component: &Component) -> TokenStream {
    let (begin, end) = Place::of(&component.signature.output).ends();
    let krate = component.options.krate.at(begin);
    let projection = projection(component);
    let probe = quote_spanned!(begin=> #krate::__private::ErrorProbe);
    let constant = quote_spanned!(end=> ::Error>::CODEC);
    // All of it at the return type, where rustc looks for whoever asked for an error that converts.
    quote_spanned!(begin=> {
        #[allow(unused_imports)]
        use #krate::__private::NoErrorCodec as _;
        #probe::<#projection #constant
    })
}
