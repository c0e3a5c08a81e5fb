//! The syntax of the options: names with values, not yet their meaning.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Expr;
use syn::Ident;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Token, token};

use crate::mistake::{Mistake, Mistakes};

/// One option as it was written.
pub(crate) struct Entry {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

/// What follows an option's name.
pub(crate) enum Value {
    /// Nothing: `cache`.
    Missing,
    /// A value: `timeout = "30s"`.
    Single(Expr),
    /// What should have been a value, and is not an expression.
    Unreadable(TokenStream),
    /// Settings: `retry(max_attempts = 4)`.
    List(TokenStream),
}

impl ToTokens for Entry {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        match &self.value {
            Value::Missing => {}
            Value::Single(value) => value.to_tokens(tokens),
            Value::Unreadable(value) | Value::List(value) => value.to_tokens(tokens),
        }
    }
}

/// Reads a comma-separated list of options. What cannot be read is noted and passed over.
pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Vec<Entry> {
    let mut entries = Vec::new();
    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            entries.extend(entry(input, mistakes)?);
            separator(input, entries.last(), mistakes)?;
        }
        Ok(())
    };
    // The parser above reads to the end and notes what it cannot read, so there is no error left to report.
    let _ = read.parse2(tokens);
    entries
}

/// Reads one option, up to the comma behind it.
fn entry(input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Option<Entry>> {
    if !input.peek(Ident::peek_any) {
        mistakes.add(up_to_comma(input)?, Mistake::OptionWithoutName);
        return Ok(None);
    }
    let name = Ident::parse_any(input)?;
    let value = value(input)?;
    Ok(Some(Entry { name, value }))
}

fn value(input: ParseStream<'_>) -> syn::Result<Value> {
    if input.peek(token::Paren) {
        let TokenTree::Group(group) = input.parse()? else { return Ok(Value::Missing) };
        return Ok(Value::List(group.stream()));
    }
    if !input.peek(Token![=]) {
        return Ok(Value::Missing);
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Value::Missing);
    }
    let ahead = input.fork();
    match ahead.parse::<Expr>() {
        Ok(_) => Ok(Value::Single(input.parse()?)),
        Err(_) => {
            let rest = up_to_comma(input)?;
            Ok(Value::Unreadable(if rest.is_empty() { equals.into_token_stream() } else { rest }))
        }
    }
}

/// Reads the comma between two options; without one, the next option is read all the same.
fn separator(input: ParseStream<'_>, before: Option<&Entry>, mistakes: &mut Mistakes) -> syn::Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    if input.peek(Token![,]) {
        return input.parse::<Token![,]>().map(drop);
    }
    match before {
        Some(before) if input.peek(Ident::peek_any) => {
            let option = before.name.to_string();
            mistakes.add(input.fork().parse::<TokenTree>()?, Mistake::OptionWithoutComma { option });
        }
        _ => mistakes.add(up_to_comma(input)?, Mistake::OptionWithoutName),
    }
    Ok(())
}

fn up_to_comma(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut passed = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        passed.extend([input.parse::<TokenTree>()?]);
    }
    Ok(passed)
}
