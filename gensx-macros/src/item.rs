//! The item under the attribute: a function whose body is never parsed.
//!
//! A body that is still being written would otherwise turn rustc's own message, and the editor's help, into an error
//! of the macro.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Signature, Token, Visibility};

/// A function, with its body as it was written.
pub(crate) struct Function {
    /// The attributes on it, and those that stand inside its body (`#![allow(..)]`).
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `None` for a declaration in a trait.
    pub(crate) body: Option<Group>,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body = if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            None
        } else {
            let block = input.parse()?;
            let (inner, body) = inner_attributes(block)?;
            attrs.extend(inner);
            Some(body)
        };
        Ok(Self { attrs, vis, sig, body })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.attrs.iter().for_each(|attr| attr.to_tokens(tokens));
        self.vis.to_tokens(tokens);
        self.sig.to_tokens(tokens);
        match &self.body {
            Some(body) => body.to_tokens(tokens),
            None => <Token![;]>::default().to_tokens(tokens),
        }
    }
}

/// Splits a body into its `#![..]` attributes, made ordinary ones, and the rest.
fn inner_attributes(block: Group) -> syn::Result<(Vec<Attribute>, Group)> {
    let read = |input: ParseStream<'_>| -> syn::Result<(Vec<Attribute>, TokenStream)> {
        Ok((input.call(Attribute::parse_inner)?, input.parse()?))
    };
    let (mut attrs, rest) = read.parse2(block.stream())?;
    if attrs.is_empty() {
        // Only the original has the spans of its two braces, where rustc reports an unfinished body.
        return Ok((attrs, block));
    }
    for attr in &mut attrs {
        attr.style = syn::AttrStyle::Outer;
    }
    let mut body = Group::new(Delimiter::Brace, rest);
    body.set_span(block.span());
    Ok((attrs, body))
}

/// What an item that is no function is: the words for it, whether it holds functions, and its keyword.
pub(crate) fn kind(item: &TokenStream) -> Option<(&'static str, bool, TokenTree)> {
    let mut words = item.clone().into_iter().filter(|token| matches!(token, TokenTree::Ident(_)));
    let decisive = words.find(|word| word.to_string() == "fn" || keyword(word).is_some())?;
    keyword(&decisive).map(|(words, holds)| (words, holds, decisive))
}

fn keyword(token: &TokenTree) -> Option<(&'static str, bool)> {
    let TokenTree::Ident(word) = token else { return None };
    Some(match word.to_string().as_str() {
        "struct" => ("a struct", false),
        "enum" => ("an enum", false),
        "union" => ("a union", false),
        "type" => ("a type alias", false),
        "use" => ("a `use`", false),
        "static" => ("a static", false),
        "const" => ("a constant", false),
        "macro_rules" => ("a macro", false),
        "impl" => ("an impl block", true),
        "trait" => ("a trait", true),
        "mod" => ("a module", true),
        "extern" => ("a foreign block", true),
        _ => return None,
    })
}
