//! The marks on arguments: `#[skip]` and `#[secret]`.

use syn::{Attribute, FnArg, Meta, PatType, Receiver};

use crate::mistake::{Mistake, Mistakes};
use crate::suggest;

/// How an argument takes part in a call's identity and in what is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// An input: recorded, and part of the identity.
    Input,
    /// `#[secret]`: part of the identity through a keyed hash, and never written anywhere.
    Secret,
    /// `#[skip]`: no input.
    Skip,
}

impl Mark {
    /// The marks that can be written.
    pub(crate) const NAMES: [&'static str; 2] = ["skip", "secret"];
}

/// The attributes that rustc knows on an argument, and that stay on it.
const LINT_LEVELS: [&str; 5] = ["allow", "deny", "expect", "forbid", "warn"];

/// Reads the attributes of an argument: its mark, and the lint levels to keep.
pub(crate) fn read(argument: &PatType, name: &str, mistakes: &mut Mistakes) -> (Mark, Vec<Attribute>) {
    let mut marks: Vec<&str> = Vec::new();
    let mut lints = Vec::new();
    for attr in &argument.attrs {
        match Mark::NAMES.into_iter().find(|mark| attr.path().is_ident(mark)) {
            Some(mark) => {
                check_mark(attr, mark, &marks, name, mistakes);
                marks.push(mark);
            }
            None if is_any(attr, &LINT_LEVELS) => lints.push(attr.clone()),
            None => unknown(attr, mistakes),
        }
    }
    let mark = match marks.first() {
        Some(&"skip") => Mark::Skip,
        Some(_) => Mark::Secret,
        None => Mark::Input,
    };
    (mark, lints)
}

fn check_mark(attr: &Attribute, mark: &str, before: &[&str], argument: &str, mistakes: &mut Mistakes) {
    let mark = mark.to_owned();
    if before.contains(&mark.as_str()) {
        mistakes.add(attr, Mistake::MarkRepeated { mark });
    } else if !before.is_empty() {
        mistakes.add(attr, Mistake::SkipAndSecret { argument: argument.to_owned() });
    } else if !matches!(attr.meta, Meta::Path(_)) {
        mistakes.add(attr, Mistake::MarkWithValue { mark });
    }
}

fn unknown(attr: &Attribute, mistakes: &mut Mistakes) {
    if is_any(attr, &["cfg", "cfg_attr"]) {
        mistakes.add(attr, Mistake::ArgumentConditional);
        return;
    }
    let path = attr.path();
    let found = quote::quote!(#path).to_string().replace(' ', "");
    let hint = suggest::hint(&found, &Mark::NAMES);
    mistakes.add(attr, Mistake::ArgumentAttributeUnknown { found, hint });
}

/// Notes marks on `self`, which is no input.
pub(crate) fn check_receiver(receiver: &Receiver, mistakes: &mut Mistakes) {
    for attr in &receiver.attrs {
        if let Some(mark) = Mark::NAMES.into_iter().find(|mark| attr.path().is_ident(mark)) {
            mistakes.add(attr, Mistake::MarkOnSelf { mark: mark.to_owned() });
        }
    }
}

/// Takes the marks, and whatever else was refused, off all arguments.
pub(crate) fn remove_all(sig: &mut syn::Signature) {
    for argument in &mut sig.inputs {
        let attrs = match argument {
            FnArg::Receiver(receiver) => &mut receiver.attrs,
            FnArg::Typed(typed) => &mut typed.attrs,
        };
        attrs.retain(|attr| is_any(attr, &LINT_LEVELS));
    }
}

fn is_any(attr: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attr.path().is_ident(name))
}
