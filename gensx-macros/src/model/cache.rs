//! The rules about `cache`.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, Ident};

use super::context::{Context, Given, Known};
use super::duration::Timespan;
use super::mark::Mark;
use super::signature::Argument;
use crate::args::{self, Value};
use crate::mistake::Mistake;
use crate::suggest;

const SETTINGS: &[Known] = &[
    Known { name: "ttl", form: "ttl = \"1h\"" },
    Known { name: "key", form: "key = topic" },
    Known { name: "scope", form: "scope = self.tenant" },
];

/// How outputs are kept across runs.
pub(crate) struct Cache {
    pub(crate) ttl: Timespan,
    /// What replaces the inputs in the entry's key.
    pub(crate) key: Option<Expr>,
    /// What is added to the entry's key.
    pub(crate) scope: Option<Expr>,
}

impl Cache {
    /// Takes `cache` out of the options and reads it.
    pub(crate) fn take(given: &mut Given, context: &mut Context<'_>) -> Option<Self> {
        let entry = given.take("cache")?;
        match entry.value {
            Value::Missing => context.add(&entry.name, Mistake::CacheWithoutSettings),
            Value::List(list) if list.is_empty() => context.add(&entry.name, Mistake::CacheWithoutSettings),
            Value::Single(value) => context.add(value, Mistake::CacheValue),
            Value::Unreadable(at) => context.add(at, Mistake::CacheValue),
            Value::List(list) => return settings(&entry.name, list, context),
        }
        None
    }
}

fn settings(name: &Ident, list: TokenStream, context: &mut Context<'_>) -> Option<Cache> {
    let entries = args::parse(list, context.mistakes);
    let given_names: Vec<String> = entries.iter().map(|entry| entry.name.to_string()).collect();
    let has = |setting: &str| given_names.iter().any(|name| name == setting);
    let (has_ttl, is_scoped) = (has("ttl"), has("key") || has("scope"));
    if !has_ttl {
        context.add(name, Mistake::CacheWithoutTtl);
    }
    let mut given = context.given(entries, SETTINGS, |setting, known| {
        let hint = suggest::hint(&setting, known);
        Mistake::UnknownCacheSetting { setting, hint }
    });
    let ttl = Timespan::take(&mut given, "ttl", context);
    let key = without_secrets(&mut given, "key", context);
    let scope = without_secrets(&mut given, "scope", context);
    if !is_scoped {
        check_hidden_inputs(name, context);
    }
    Some(Cache { ttl: ttl?, key, scope })
}

/// Notes what the cache would not see.
fn check_hidden_inputs(name: &Ident, context: &mut Context<'_>) {
    let skipped = context.signature.arguments.iter().find(|argument| argument.mark == Mark::Skip);
    if context.signature.receiver.is_some() {
        context.add(name, Mistake::CacheOnMethod);
    } else if let Some(skipped) = skipped {
        let argument = skipped.name.to_string();
        context.add(name, Mistake::CacheWithSkip { argument });
    }
}

/// Reads an expression over the arguments, which must leave the secret ones out.
fn without_secrets(given: &mut Given, setting: &str, context: &mut Context<'_>) -> Option<Expr> {
    let value = context.value(given, setting)?;
    let tokens = value.to_token_stream();
    let mut secrets = context.signature.arguments.iter().filter(|argument| argument.mark == Mark::Secret);
    let found = secrets.find_map(|secret| Some((find_mention(&tokens, secret)?, secret)));
    let Some((at, secret)) = found else { return Some(value) };
    let argument = secret.name.to_string();
    context.add(at, Mistake::SecretInCache { setting: setting.to_owned(), argument });
    None
}

/// Where tokens name an argument, or a part of it that its pattern binds; also inside a format string.
pub(crate) fn find_mention(tokens: &TokenStream, argument: &Argument) -> Option<TokenTree> {
    let mut names = Vec::new();
    collect_names(argument.pattern.to_token_stream(), &mut names);
    names.iter().find_map(|name| find_name(tokens.clone(), name))
}

fn collect_names(pattern: TokenStream, names: &mut Vec<String>) {
    for token in pattern {
        match token {
            TokenTree::Ident(name) => names.push(name.to_string()),
            TokenTree::Group(group) => collect_names(group.stream(), names),
            _ => {}
        }
    }
}

fn find_name(tokens: TokenStream, name: &str) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match &token {
        TokenTree::Group(group) => find_name(group.stream(), name),
        other => is_name(other, name).then_some(token),
    })
}

fn is_name(token: &TokenTree, name: &str) -> bool {
    match token {
        TokenTree::Ident(word) => word == name,
        TokenTree::Literal(text) => {
            let text = text.to_string();
            text.contains(&format!("{{{name}}}")) || text.contains(&format!("{{{name}:"))
        }
        TokenTree::Group(_) | TokenTree::Punct(_) => false,
    }
}
