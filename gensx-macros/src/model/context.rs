//! What every option is read with: the signature beside it, and the place for mistakes.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, ExprLit, ExprPath, Lit, Path, UnOp};

use super::fixed;
use super::signature::Signature;
use crate::args::{Entry, Value};
use crate::mistake::{Mistake, Mistakes};

/// An option that the macro knows: its name, and how it is written.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) form: &'static str,
}

/// The options of one list, each given once.
pub(crate) struct Given {
    entries: Vec<Entry>,
    known: &'static [Known],
}

impl Given {
    /// Takes an option out, if it was given.
    pub(crate) fn take(&mut self, name: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries.swap_remove(at))
    }

    /// The value that was written for an option, without taking it out.
    pub(crate) fn written(&self, name: &str) -> Option<&Expr> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        match &entry.value {
            Value::Single(value) => Some(value),
            _ => None,
        }
    }

    /// How the option is written.
    pub(crate) fn form(&self, name: &str) -> &'static str {
        self.known.iter().find(|known| known.name == name).map_or("", |known| known.form)
    }
}

/// What options are read with.
pub(crate) struct Context<'a> {
    pub(crate) signature: &'a Signature,
    pub(crate) mistakes: &'a mut Mistakes,
}

impl Context<'_> {
    /// Notes the unknown and the repeated entries of a list, and gives the others.
    pub(crate) fn given(
        &mut self,
        entries: Vec<Entry>,
        known: &'static [Known],
        unknown: impl Fn(String, &[&str]) -> Mistake,
    ) -> Given {
        let names: Vec<&str> = known.iter().map(|known| known.name).collect();
        let mut kept: Vec<Entry> = Vec::new();
        for entry in entries {
            let name = entry.name.to_string();
            if !names.contains(&name.as_str()) {
                self.mistakes.add(&entry.name, unknown(name, &names));
                continue;
            }
            match kept.iter().find(|before| before.name == entry.name) {
                Some(before) => self.repeated(before, &entry),
                None => kept.push(entry),
            }
        }
        Given { entries: kept, known }
    }

    fn repeated(&mut self, before: &Entry, entry: &Entry) {
        let two_ways = matches!(
            (&before.value, &entry.value),
            (Value::Single(_), Value::List(_)) | (Value::List(_), Value::Single(_))
        );
        let mistake = if two_ways && entry.name == "retry" {
            Mistake::RetryTwoWays
        } else {
            Mistake::RepeatedOption { option: entry.name.to_string() }
        };
        self.mistakes.add(&entry.name, mistake);
    }

    /// The value of an option that takes one.
    pub(crate) fn value(&mut self, given: &mut Given, name: &str) -> Option<Expr> {
        let entry = given.take(name)?;
        let (option, form) = (name.to_owned(), given.form(name).to_owned());
        match entry.value {
            Value::Single(value) => return Some(value),
            Value::Missing => self.add(&entry.name, Mistake::OptionWithoutValue { option, form }),
            Value::List(_) => self.add(&entry, Mistake::OptionInParentheses { option, form }),
            Value::Unreadable(at) => self.add(at, Mistake::UnreadableValue { option, form }),
        }
        None
    }

    /// The path that an option takes.
    pub(crate) fn path(&mut self, given: &mut Given, name: &str, otherwise: Mistake) -> Option<Path> {
        let value = self.value(given, name)?;
        match plain(&value) {
            Expr::Path(ExprPath { qself: None, path, .. }) => Some(path.clone()),
            other => {
                self.add(other, otherwise);
                None
            }
        }
    }

    /// Whether an expression can be computed once for all calls.
    pub(crate) fn fixed(&mut self, option: &str, value: &Expr) -> bool {
        let Some((at, mistake)) = fixed::find_call_part(option, value, self.signature) else { return true };
        self.add(at, mistake);
        false
    }

    /// Notes a mistake.
    pub(crate) fn add(&mut self, at: impl ToTokens, mistake: Mistake) {
        self.mistakes.add(at, mistake);
    }
}

/// A literal, as far as the options tell them apart.
pub(crate) enum Literal {
    Text(String),
    /// A number's digits without its suffix.
    Integer(String),
    Float(String),
    /// A number below zero, without its sign.
    Negative(String),
    Bool,
    Other,
}

impl Literal {
    /// The literal that an expression is, if it is one.
    pub(crate) fn of(value: &Expr) -> Option<Self> {
        match plain(value) {
            Expr::Lit(ExprLit { lit, .. }) => Some(Self::of_lit(lit)),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match Self::of(&unary.expr)? {
                Self::Integer(digits) | Self::Float(digits) => Some(Self::Negative(digits)),
                other => Some(other),
            },
            _ => None,
        }
    }

    fn of_lit(lit: &Lit) -> Self {
        match lit {
            Lit::Str(text) => Self::Text(text.value()),
            Lit::Int(number) => Self::Integer(number.base10_digits().to_owned()),
            Lit::Float(number) => Self::Float(number.base10_digits().to_owned()),
            Lit::Bool(_) => Self::Bool,
            _ => Self::Other,
        }
    }
}

/// The expression inside parentheses and inside the invisible groups that `macro_rules!` makes.
pub(crate) fn plain(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => plain(&group.expr),
        Expr::Paren(paren) => plain(&paren.expr),
        other => other,
    }
}

/// A number as tokens of the given type, shown at the user's own.
pub(crate) fn number(text: impl Display, like: &Expr) -> TokenStream {
    let mut literal: proc_macro2::Literal =
        text.to_string().parse().expect("a formatted number is a literal");
    literal.set_span(syn::spanned::Spanned::span(like));
    literal.into_token_stream()
}
