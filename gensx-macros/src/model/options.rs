//! The rules about the options that are not `retry` or `cache`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Path};

use super::cache::Cache;
use super::context::{Context, Given, Known, Literal};
use super::duration::Timespan;
use super::number;
use super::retry::Retry;
use super::signature::Signature;
use crate::args::Entry;
use crate::mistake::{Mistake, Mistakes};
use crate::suggest;

const OPTIONS: &[Known] = &[
    Known { name: "name", form: "name = \"research\"" },
    Known { name: "version", form: "version = 2" },
    Known { name: "retry", form: "retry = POLICY" },
    Known { name: "timeout", form: "timeout = \"30s\"" },
    Known { name: "cache", form: "cache(ttl = \"1h\")" },
    Known { name: "fallback", form: "fallback = offline_answer" },
    Known { name: "durability", form: "durability = \"pipelined\"" },
    Known { name: "crate", form: "crate = my_sdk::gensx" },
];

const DURABILITIES: [&str; 2] = ["strict", "pipelined"];

/// What the options say.
pub(crate) struct Options {
    pub(crate) krate: Krate,
    /// The name, if it is not the function's.
    pub(crate) name: Option<String>,
    pub(crate) version: Option<TokenStream>,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Timespan>,
    pub(crate) cache: Option<Cache>,
    pub(crate) fallback: Option<Path>,
    pub(crate) durability: Option<Durability>,
}

/// Where gensx is found: `::gensx`, or where the user says.
pub(crate) struct Krate(Option<Path>);

impl Krate {
    /// The path, standing at the given place.
    pub(crate) fn at(&self, at: Span) -> TokenStream {
        match &self.0 {
            None => quote_spanned!(at=> ::gensx),
            Some(path) => path.to_token_stream().into_iter().map(|token| stand(token, at)).collect(),
        }
    }
}

/// The token at another place, which still means what it did.
fn stand(mut token: TokenTree, at: Span) -> TokenTree {
    token.set_span(token.span().located_at(at));
    token
}

/// When an outcome is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Strict,
    Pipelined,
}

impl Options {
    /// Reads the options of a function with this signature.
    pub(crate) fn new(entries: Vec<Entry>, signature: &Signature, mistakes: &mut Mistakes) -> Self {
        let context = &mut Context { signature, mistakes };
        let given = &mut context.given(entries, OPTIONS, |option, known| {
            let hint = suggest::hint(&option, known);
            Mistake::UnknownOption { option, hint }
        });
        Self {
            krate: Krate(context.path(given, "crate", Mistake::CrateNotPath)),
            name: name(given, context),
            version: number::version(given, context),
            retry: Retry::take(given, context),
            timeout: Timespan::take(given, "timeout", context),
            cache: Cache::take(given, context),
            fallback: context.path(given, "fallback", Mistake::FallbackNotPath),
            durability: durability(given, context),
        }
    }
}

fn name(given: &mut Given, context: &mut Context<'_>) -> Option<String> {
    let value = context.value(given, "name")?;
    let Some(Literal::Text(name)) = Literal::of(&value) else {
        context.add(value, Mistake::NameNotText);
        return None;
    };
    let mistake = if name.trim().is_empty() {
        Mistake::NameEmpty
    } else if name.chars().any(char::is_control) {
        Mistake::NameNotPlain { found: "hold control characters".to_owned() }
    } else if name.trim() != name {
        Mistake::NameNotPlain { found: "begin or end with a space".to_owned() }
    } else {
        return Some(name);
    };
    context.add(value, mistake);
    None
}

fn durability(given: &mut Given, context: &mut Context<'_>) -> Option<Durability> {
    let value: Expr = context.value(given, "durability")?;
    let mistake = match Literal::of(&value) {
        Some(Literal::Text(found)) => match found.as_str() {
            "strict" => return Some(Durability::Strict),
            "pipelined" => return Some(Durability::Pipelined),
            _ => {
                let hint = suggest::hint(&found, &DURABILITIES);
                Mistake::DurabilityUnknown { found, hint }
            }
        },
        _ => Mistake::DurabilityNotText,
    };
    context.add(value, mistake);
    None
}
