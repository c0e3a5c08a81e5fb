//! Durations: text with a unit, read when the macro expands, or an expression.

use std::time::Duration;

use humantime::DurationError;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Expr;

use super::context::{Context, Given, Literal};
use crate::mistake::Mistake;

/// A span of time that an option sets.
pub(crate) enum Timespan {
    /// Known when the macro expands.
    Known { text: String, duration: Duration },
    /// Any expression of type `Duration`.
    Computed(Expr),
}

impl Timespan {
    /// Takes the option out of its list and reads it.
    pub(crate) fn take(given: &mut Given, name: &str, context: &mut Context<'_>) -> Option<Self> {
        let value = context.value(given, name)?;
        let Some(literal) = Literal::of(&value) else {
            return context.fixed(name, &value).then_some(Self::Computed(value));
        };
        let option = name.to_owned();
        match read(option, literal) {
            Ok(known) => Some(known),
            Err(mistake) => {
                context.add(value, mistake);
                None
            }
        }
    }
}

fn read(option: String, literal: Literal) -> Result<Timespan, Mistake> {
    match literal {
        Literal::Text(text) => match parse(&text, &option)? {
            Duration::ZERO => Err(Mistake::DurationZero { option }),
            duration => Ok(Timespan::Known { text, duration }),
        },
        Literal::Integer(number) | Literal::Float(number) | Literal::Negative(number) => {
            Err(Mistake::DurationNumber { option, number })
        }
        Literal::Bool | Literal::Other => Err(Mistake::DurationNotText { option }),
    }
}

fn parse(text: &str, option: &str) -> Result<Duration, Mistake> {
    let found = text.to_owned();
    humantime::parse_duration(text).map_err(|error| match error {
        DurationError::Empty => Mistake::DurationEmpty { option: option.to_owned() },
        DurationError::UnknownUnit { unit, .. } if unit.is_empty() => Mistake::DurationWithoutUnit { found },
        DurationError::UnknownUnit { unit, .. } => Mistake::DurationUnknownUnit { unit },
        DurationError::NumberOverflow => Mistake::DurationTooLong { found },
        DurationError::InvalidCharacter(_) | DurationError::NumberExpected(_) => {
            Mistake::DurationUnreadable { found }
        }
    })
}

impl ToTokens for Timespan {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Known { duration, .. } => {
                let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
                quote!(::core::time::Duration::new(#seconds, #nanos))
            }
            Self::Computed(value) => value.to_token_stream(),
        });
    }
}
