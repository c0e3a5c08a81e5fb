//! The rules about `retry`.

use proc_macro2::TokenStream;
use syn::{Expr, ExprLit, Lit, LitBool, Path};

use super::context::{Context, Given, Known, Literal, plain};
use super::duration::Timespan;
use super::number;
use crate::args::{self, Value};
use crate::mistake::Mistake;
use crate::suggest;

const SETTINGS: &[Known] = &[
    Known { name: "max_attempts", form: "max_attempts = 4" },
    Known { name: "initial", form: "initial = \"200ms\"" },
    Known { name: "factor", form: "factor = 2.0" },
    Known { name: "max", form: "max = \"20s\"" },
    Known { name: "jitter", form: "jitter = true" },
    Known { name: "when", form: "when = is_temporary" },
];

/// When a failed call is made again.
pub(crate) enum Retry {
    /// An expression of type `RetryPolicy`.
    Policy(Expr),
    /// A policy written as settings.
    Settings(Box<RetrySettings>),
}

/// The settings of a policy; what is left out is the runtime's to choose.
pub(crate) struct RetrySettings {
    pub(crate) attempts: TokenStream,
    pub(crate) initial: Option<Timespan>,
    pub(crate) factor: Option<TokenStream>,
    pub(crate) max: Option<Timespan>,
    pub(crate) jitter: Option<LitBool>,
    pub(crate) when: Option<Path>,
}

impl Retry {
    /// Takes `retry` out of the options and reads it.
    pub(crate) fn take(given: &mut Given, context: &mut Context<'_>) -> Option<Self> {
        let entry = given.take("retry")?;
        match entry.value {
            Value::Missing => context.add(&entry.name, Mistake::RetryWithoutSettings),
            Value::List(list) if list.is_empty() => context.add(&entry.name, Mistake::RetryWithoutSettings),
            Value::Single(value) if Literal::of(&value).is_some() => {
                context.add(value, Mistake::RetryNumber);
            }
            Value::Single(value) => return context.fixed("retry", &value).then_some(Self::Policy(value)),
            Value::List(list) if is_literal(&list) => context.add(list, Mistake::RetryNumber),
            Value::List(list) => {
                return settings(&entry.name, list, context).map(Box::new).map(Self::Settings);
            }
            Value::Unreadable(at) => {
                let (option, form) = ("retry".to_owned(), given.form("retry").to_owned());
                context.add(at, Mistake::UnreadableValue { option, form });
            }
        }
        None
    }
}

fn is_literal(list: &TokenStream) -> bool {
    syn::parse2::<Expr>(list.clone()).is_ok_and(|value| Literal::of(&value).is_some())
}

fn settings(name: &syn::Ident, list: TokenStream, context: &mut Context<'_>) -> Option<RetrySettings> {
    let entries = args::parse(list, context.mistakes);
    let says_how_often = entries.iter().any(|entry| entry.name == "max_attempts");
    if !says_how_often {
        context.add(name, Mistake::RetryWithoutAttempts);
    }
    let mut given = context.given(entries, SETTINGS, |setting, known| {
        let hint = suggest::hint(&setting, known);
        Mistake::UnknownRetrySetting { setting, hint }
    });
    let attempts = number::attempts(&mut given, context);
    let initial = Timespan::take(&mut given, "initial", context);
    let factor = number::factor(&mut given, context);
    let max = max(&mut given, initial.as_ref(), context);
    let jitter = jitter(&mut given, context);
    let when = context.path(&mut given, "when", Mistake::WhenNotPath);
    let when = when.filter(|path| context.fixed("when", &path_expr(path)));
    Some(RetrySettings { attempts: attempts?, initial, factor, max, jitter, when })
}

fn path_expr(path: &Path) -> Expr {
    syn::parse_quote!(#path)
}

/// Reads `max`, which cannot be below `initial`.
fn max(given: &mut Given, initial: Option<&Timespan>, context: &mut Context<'_>) -> Option<Timespan> {
    let written = given.written("max").cloned();
    let max = Timespan::take(given, "max", context)?;
    if let (
        Timespan::Known { text: max_text, duration: max },
        Some(Timespan::Known { text: initial_text, duration: initial }),
    ) = (&max, initial)
        && max < initial
    {
        let (max, initial) = (max_text.clone(), initial_text.clone());
        context.add(written, Mistake::MaxBelowInitial { max, initial });
        return None;
    }
    Some(max)
}

fn jitter(given: &mut Given, context: &mut Context<'_>) -> Option<LitBool> {
    let value = context.value(given, "jitter")?;
    match plain(&value) {
        Expr::Lit(ExprLit { lit: Lit::Bool(jitter), .. }) => Some(jitter.clone()),
        other => {
            context.add(other, Mistake::JitterNotBool);
            None
        }
    }
}
