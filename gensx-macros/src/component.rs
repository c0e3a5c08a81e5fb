//! The stages of an expansion, and what is written when a stage has nothing for the next one.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::item::{self, Function};
use crate::mistake::{Mistake, Mistakes};
use crate::model::{Component, mark};
use crate::{args, expand};

/// Expands the attribute: the code, which reports the mistakes, and the mistakes.
pub(crate) fn component(options: TokenStream, item: TokenStream) -> (TokenStream, Mistakes) {
    let mut mistakes = Mistakes::default();
    let options = args::parse(options, &mut mistakes);
    let code = match syn::parse2::<Function>(item.clone()) {
        Ok(mut function) => match Component::new(options, &mut function, &mut mistakes) {
            Some(component) => expand::component(&component, &function),
            None => plain(function),
        },
        Err(error) => not_a_function(item, &error, &mut mistakes),
    };
    (quote!(#mistakes #code), mistakes)
}

/// A function that cannot be a component, as it was written: its callers and its body are checked all the same.
fn plain(mut function: Function) -> TokenStream {
    mark::remove_all(&mut function.sig);
    function.into_token_stream()
}

fn not_a_function(item: TokenStream, error: &syn::Error, mistakes: &mut Mistakes) -> TokenStream {
    let Some((found, holds_functions, keyword)) = item::kind(&item) else {
        // A function that rustc reads and syn does not: its syntax is newer than this crate.
        let error = error.to_compile_error();
        return quote!(#error #item);
    };
    let found = found.to_owned();
    let mistake =
        if holds_functions { Mistake::NotOneFunction { found } } else { Mistake::NotAFunction { found } };
    mistakes.add(keyword, mistake);
    item
}
