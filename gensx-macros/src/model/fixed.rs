//! Options that are the same for every call: they live in a `static` and cannot see a call's arguments.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprBlock, ExprClosure, ExprPath, Path, TypePath};

use super::signature::Signature;
use crate::mistake::Mistake;

/// The first part of an option's value that belongs to a single call: where it is, and what to say about it.
pub(crate) fn find_call_part(
    option: &str,
    value: &Expr,
    signature: &Signature,
) -> Option<(TokenStream, Mistake)> {
    let mut search = Search { option, signature, found: None };
    search.visit_expr_mut(&mut value.clone());
    search.found
}

struct Search<'a> {
    option: &'a str,
    signature: &'a Signature,
    found: Option<(TokenStream, Mistake)>,
}

impl Search<'_> {
    fn check(&mut self, path: &Path) {
        let Some(first) = path.segments.first() else { return };
        let option = self.option.to_owned();
        if first.ident == "self" && path.segments.len() == 1 || first.ident == "Self" {
            self.note(&first.ident, Mistake::SelfInOption { option });
            return;
        }
        let argument = self.signature.arguments.iter().find(|argument| path.is_ident(&argument.name));
        if let Some(argument) = argument {
            let argument = argument.name.to_string();
            let remedy = remedy(self.option).to_owned();
            self.note(path, Mistake::ArgumentInOption { option, argument, remedy });
        }
    }

    fn note(&mut self, at: impl ToTokens, mistake: Mistake) {
        self.found.get_or_insert_with(|| (at.into_token_stream(), mistake));
    }
}

fn remedy(option: &str) -> &'static str {
    match option {
        "timeout" => "write `.timeout(..)` on the call instead",
        "ttl" => "write a constant, or text such as \"1h\"",
        _ => "write `.retry(..)` on the call instead",
    }
}

impl VisitMut for Search<'_> {
    fn visit_expr_path_mut(&mut self, path: &mut ExprPath) {
        self.check(&path.path);
        visit_mut::visit_expr_path_mut(self, path);
    }

    fn visit_type_path_mut(&mut self, path: &mut TypePath) {
        if path.path.segments.first().is_some_and(|first| first.ident == "Self") {
            self.check(&path.path);
        }
        visit_mut::visit_type_path_mut(self, path);
    }

    // Blocks and closures have variables of their own, which may be named like an argument.
    fn visit_expr_block_mut(&mut self, _: &mut ExprBlock) {}
    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}
}
