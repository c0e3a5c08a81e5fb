//! The rules about the function as a whole: its attributes, its qualifiers, its body.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, ReturnType, Safety, Token, Type};

use super::mark::Mark;
use crate::item::Function;
use crate::mistake::{Mistake, Mistakes};

/// Whether the function is one that the harness or the program starts, and never a component.
pub(crate) fn is_entry_point(function: &Function, mistakes: &mut Mistakes) -> bool {
    if let Some(test) = function.attrs.iter().find(|attr| last_segment(attr) == "test") {
        mistakes.add(test, Mistake::TestFunction);
        return true;
    }
    let main = function.sig.ident == "main";
    if main {
        mistakes.add(&function.sig.ident, Mistake::MainFunction);
    }
    main
}

/// Checks the function, takes off what was refused, and says whether it can be a component at all.
pub(crate) fn check(function: &mut Function, mistakes: &mut Mistakes) -> bool {
    function.attrs.retain(|attr| keep_attribute(attr, mistakes));
    if function.body.is_none() {
        mistakes.add(&function.sig, Mistake::MissingBody);
    }
    check_qualifiers(function, mistakes) & function.body.is_some()
}

/// Notes marks and second `#[component]`s.
fn keep_attribute(attr: &Attribute, mistakes: &mut Mistakes) -> bool {
    if last_segment(attr) == "component" {
        mistakes.add(attr, Mistake::RepeatedAttribute);
        return false;
    }
    let Some(mark) = Mark::NAMES.into_iter().find(|mark| attr.path().is_ident(mark)) else { return true };
    mistakes.add(attr, Mistake::MarkOnFunction { mark: mark.to_owned() });
    false
}

fn last_segment(attr: &Attribute) -> String {
    attr.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// Whether the qualifiers leave a function that could be a component.
fn check_qualifiers(function: &mut Function, mistakes: &mut Mistakes) -> bool {
    let sig = &mut function.sig;
    if let Some(token) = sig.constness.take() {
        mistakes.add(token, Mistake::ConstFunction);
    }
    if let Some(token) = sig.abi.take() {
        mistakes.add(token, Mistake::ExternFunction);
    }
    if let Some(token) = sig.variadic.take() {
        mistakes.add(token, Mistake::VariadicFunction);
    }
    let safe = match &sig.safety {
        Safety::Unsafe(token) => {
            mistakes.add(token, Mistake::UnsafeFunction);
            false
        }
        _ => true,
    };
    safe & check_async(function, mistakes)
}

/// Whether the function is async, or can be read as if it were.
fn check_async(function: &mut Function, mistakes: &mut Mistakes) -> bool {
    let sig = &mut function.sig;
    if sig.asyncness.is_some() {
        return true;
    }
    if returns_future(&sig.output) {
        mistakes.add(output_tokens(&sig.output), Mistake::ReturnsFuture);
        return false;
    }
    mistakes.add(sig.fn_token, Mistake::NotAsync);
    sig.asyncness = Some(Token![async](sig.fn_token.span));
    true
}

fn output_tokens(output: &ReturnType) -> TokenStream {
    match output {
        ReturnType::Default => quote!(),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    }
}

/// Whether the type is a future as functions that are not async write it. A guess by name, which only chooses
/// between two remedies.
fn returns_future(output: &ReturnType) -> bool {
    let ReturnType::Type(_, ty) = output else { return false };
    match &**ty {
        Type::ImplTrait(_) => ty.to_token_stream().to_string().contains("Future"),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            last.ident == "BoxFuture"
                || (last.ident == "Pin" && last.arguments.to_token_stream().to_string().contains("Future"))
        }),
        _ => false,
    }
}
