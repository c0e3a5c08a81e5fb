//! Numbers: a version, a count of attempts, a factor.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Expr;

use super::context::{Context, Given, Literal, number};
use crate::mistake::Mistake;

/// Reads `version`.
pub(crate) fn version(given: &mut Given, context: &mut Context<'_>) -> Option<TokenStream> {
    let value = context.value(given, "version")?;
    let Some(Literal::Integer(digits)) = Literal::of(&value) else {
        context.add(value, Mistake::VersionNotInteger);
        return None;
    };
    match digits.parse::<u32>() {
        Ok(version) => Some(number(version, &value)),
        Err(_) => {
            context.add(value, Mistake::VersionTooLarge { max: u32::MAX.to_string() });
            None
        }
    }
}

/// Reads `max_attempts`.
pub(crate) fn attempts(given: &mut Given, context: &mut Context<'_>) -> Option<TokenStream> {
    let value = context.value(given, "max_attempts")?;
    let mistake = match Literal::of(&value) {
        None => return context.fixed("max_attempts", &value).then(|| value.into_token_stream()),
        Some(Literal::Integer(digits)) => match digits.parse::<u32>() {
            Ok(0) => Mistake::AttemptsZero,
            Ok(attempts) => return Some(number(attempts, &value)),
            Err(_) => Mistake::AttemptsTooMany { max: u32::MAX.to_string() },
        },
        Some(_) => Mistake::AttemptsNotInteger,
    };
    context.add(value, mistake);
    None
}

/// Reads `factor`.
pub(crate) fn factor(given: &mut Given, context: &mut Context<'_>) -> Option<TokenStream> {
    let value = context.value(given, "factor")?;
    let mistake = match Literal::of(&value) {
        None => return context.fixed("factor", &value).then(|| value.into_token_stream()),
        Some(Literal::Integer(digits) | Literal::Float(digits)) => match read_factor(&digits, &value) {
            Ok(factor) => return Some(factor),
            Err(mistake) => mistake,
        },
        Some(Literal::Negative(_)) => Mistake::FactorBelowOne,
        Some(_) => Mistake::FactorNotNumber,
    };
    context.add(value, mistake);
    None
}

fn read_factor(digits: &str, value: &Expr) -> Result<TokenStream, Mistake> {
    let factor: f64 = digits.parse().map_err(|_| Mistake::FactorNotNumber)?;
    if !factor.is_finite() {
        return Err(Mistake::FactorNotFinite);
    }
    if factor < 1.0 {
        return Err(Mistake::FactorBelowOne);
    }
    Ok(number(format_args!("{factor:?}f64"), value))
}
