//! The part of a component that is the same for every call.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

use super::place::Place;
use crate::model::{Cache, Component, Durability, Options, Retry, RetrySettings};

/// `let spec`: a reference to the component's own static.
pub(super) fn write(component: &Component) -> TokenStream {
    let ident = &component.signature.ident;
    let at = Place::of(ident).whole();
    let krate = component.options.krate.at(at);
    let function = ident.unraw().to_string();
    let name = component.options.name.as_ref().unwrap_or(&function);
    let options = options(&component.options, &krate);
    quote_spanned! {at=>
        let spec: &'static #krate::__private::Spec = {
            static __GENSX_SPEC: ::std::sync::LazyLock<#krate::__private::Spec> =
                ::std::sync::LazyLock::new(|| {
                    #krate::__private::Spec::new(
                        #name,
                        ::core::concat!(::core::module_path!(), "::", #function),
                    )
                    #options
                });
            &__GENSX_SPEC
        };
    }
}

fn options(options: &Options, krate: &TokenStream) -> TokenStream {
    let Options { version, retry, timeout, cache, durability, .. } = options;
    let version = version.iter().map(|version| quote!(.version(#version)));
    let retry = retry.iter().map(|retry| self::retry(krate, retry));
    let timeout = timeout.iter().map(|timeout| quote!(.timeout(#timeout)));
    let cache = cache.iter().map(|Cache { ttl, .. }| quote!(.cache(#ttl)));
    let durability = durability.iter().map(|durability| match durability {
        Durability::Strict => quote!(.durability(#krate::Durability::Strict)),
        Durability::Pipelined => quote!(.durability(#krate::Durability::Pipelined)),
    });
    quote!(#(#version)* #(#retry)* #(#timeout)* #(#cache)* #(#durability)*)
}

fn retry(krate: &TokenStream, retry: &Retry) -> TokenStream {
    match retry {
        Retry::Policy(policy) => quote!(.retry(#policy)),
        Retry::Settings(settings) => retry_settings(krate, settings),
    }
}

fn retry_settings(krate: &TokenStream, settings: &RetrySettings) -> TokenStream {
    let RetrySettings { attempts, initial, factor, max, jitter, when } = settings;
    let initial = initial.iter();
    let factor = factor.iter();
    let max = max.iter();
    let jitter = jitter.iter();
    let when = when.iter();
    quote! {
        .retry(
            #krate::RetryPolicy::new(#attempts)
                #(.initial(#initial))* #(.factor(#factor))* #(.max(#max))* #(.jitter(#jitter))*
        )
        #(.retry_when(#when))*
    }
}
