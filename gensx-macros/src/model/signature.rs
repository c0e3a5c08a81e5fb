//! The rules about the signature: arguments, `self`, generics and the return type.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericParam, Generics, Ident, Lifetime, LifetimeParam, Pat, PatType, Receiver,
    ReceiverKind, ReturnType, Type, TypeParamBound, WherePredicate, parse_quote,
};

use super::lifetimes::{self, Names};
use super::mark::{self, Mark};
use crate::mistake::{Mistake, Mistakes};

/// What names that only the macro uses begin with.
const RESERVED_PREFIX: &str = "__gensx";

/// A component's signature, as it is written out.
pub(crate) struct Signature {
    pub(crate) ident: Ident,
    /// The user's, with the call's lifetime where one is needed.
    pub(crate) generics: Generics,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) arguments: Vec<Argument>,
    /// The return type, `Result<T, E>` or an alias of one.
    pub(crate) output: Type,
    /// What the call borrows for: `'static` when it owns all it needs.
    pub(crate) lifetime: Lifetime,
}

/// One argument.
pub(crate) struct Argument {
    /// Its name in the signature and in the recorded input.
    pub(crate) name: Ident,
    /// What the user wrote before the colon; `None` if that is just the name.
    pub(crate) pattern: Pat,
    pub(crate) ty: Type,
    pub(crate) mark: Mark,
    /// Lint levels set on the argument.
    pub(crate) lints: Vec<Attribute>,
}

impl Signature {
    /// Reads a signature, and whether a component can have it.
    pub(crate) fn new(sig: &syn::Signature, mistakes: &mut Mistakes) -> (Self, bool) {
        let mut reader = Reader { names: Vec::new(), borrows: false, sound: true, mistakes };
        let receiver = sig.receiver().map(|receiver| reader.receiver(receiver));
        let arguments = reader.arguments(sig);
        let output = reader.output(sig);
        let (generics, lifetime) = reader.generics(sig);
        let sound = reader.sound;
        (Self { ident: sig.ident.clone(), generics, receiver, arguments, output, lifetime }, sound)
    }
}

impl Argument {
    /// Whether the argument is a plain name, perhaps `mut`.
    pub(crate) fn is_name(&self) -> bool {
        plain_name(&self.pattern).is_some()
    }
}

fn plain_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Some(&name.ident),
        _ => None,
    }
}

struct Reader<'a> {
    /// The named lifetimes that occur in the arguments.
    names: Vec<Lifetime>,
    /// Whether something in the arguments borrows without naming a lifetime.
    borrows: bool,
    /// Whether nothing was found that no component can have.
    sound: bool,
    mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    fn refuse(&mut self, at: impl ToTokens, mistake: Mistake) {
        self.sound = false;
        self.mistakes.add(at, mistake);
    }

    fn receiver(&mut self, receiver: &Receiver) -> Receiver {
        mark::check_receiver(receiver, self.mistakes);
        let mut receiver = receiver.clone();
        receiver.attrs.clear();
        match &mut receiver.kind {
            ReceiverKind::Reference(_, _, Some(_)) => {
                let at = receiver.to_token_stream();
                self.refuse(at, Mistake::SelfMutable);
            }
            ReceiverKind::Reference(and, lifetime, None) => match lifetime {
                Some(lifetime) if lifetime.ident != "_" => self.name(lifetime.clone()),
                _ => {
                    self.borrows = true;
                    *lifetime = Some(lifetimes::call_lifetime(and.span()));
                }
            },
            ReceiverKind::Typed(..) => self.refuse(&receiver, Mistake::SelfTyped),
            _ => self.refuse(&receiver, Mistake::SelfByValue),
        }
        receiver
    }

    fn name(&mut self, lifetime: Lifetime) {
        if lifetime.ident != "static" && !self.names.contains(&lifetime) {
            self.names.push(lifetime);
        }
    }

    fn arguments(&mut self, sig: &syn::Signature) -> Vec<Argument> {
        let typed: Vec<&PatType> = sig
            .inputs
            .iter()
            .filter_map(|argument| match argument {
                FnArg::Typed(typed) => Some(typed),
                FnArg::Receiver(_) => None,
            })
            .collect();
        let taken: Vec<&Ident> = typed.iter().filter_map(|argument| plain_name(&argument.pat)).collect();
        typed.iter().enumerate().map(|(index, argument)| self.argument(index, argument, &taken)).collect()
    }

    fn argument(&mut self, index: usize, argument: &PatType, taken: &[&Ident]) -> Argument {
        let name = argument_name(index, &argument.pat, taken);
        self.check_reserved(&argument.pat);
        let (mark, lints) = mark::read(argument, &name.to_string(), self.mistakes);
        let mut ty = (*argument.ty).clone();
        let found = Names::of(&mut ty);
        for reference in &found.mutable {
            self.refuse(reference, Mistake::MutableArgument { argument: name.to_string() });
        }
        self.borrows |= found.elided;
        found.named.into_iter().for_each(|lifetime| self.name(lifetime));
        Argument { name, pattern: (*argument.pat).clone(), ty, mark, lints }
    }

    fn check_reserved(&mut self, pattern: &Pat) {
        let Pat::Ident(pattern) = pattern else { return };
        let argument = pattern.ident.to_string();
        if argument.starts_with(RESERVED_PREFIX) {
            self.mistakes.add(&pattern.ident, Mistake::ReservedArgument { argument });
        }
    }

    fn output(&mut self, sig: &syn::Signature) -> Type {
        let ReturnType::Type(_, output) = &sig.output else {
            self.refuse(&sig.ident, Mistake::NoReturnType);
            return parse_quote!(());
        };
        if matches!(&**output, Type::Tuple(tuple) if tuple.elems.is_empty()) {
            self.refuse(output, Mistake::NoReturnType);
        }
        let found = Names::of(&mut output.clone());
        if let Some(first) = found.impls.first() {
            // A function that returns its future was told so already.
            if sig.asyncness.is_some() {
                self.refuse(first, Mistake::ImplReturn);
            }
        } else if found.borrows() && sig.asyncness.is_some() {
            self.refuse(output, Mistake::BorrowedReturn);
        }
        (**output).clone()
    }

    /// The generics with the call's lifetime, and what the call borrows for.
    fn generics(&mut self, sig: &syn::Signature) -> (Generics, Lifetime) {
        let mut generics = sig.generics.clone();
        self.check_lifetime_names(&generics);
        let declared: Vec<Lifetime> = generics.lifetimes().map(|param| param.lifetime.clone()).collect();
        let has_types = generics.type_params().next().is_some();
        if !self.borrows && self.names.is_empty() && declared.is_empty() && !has_types {
            return (generics, Lifetime::new("'static", Span::call_site()));
        }
        let call = lifetimes::call_lifetime(Span::call_site());
        generics.params.iter_mut().for_each(|param| bound_inline(param, &call));
        let where_needed: Vec<WherePredicate> = unbounded_types(&sig.generics)
            .map(|ty| parse_quote!(#ty: #call))
            // Those of the impl block around the function.
            .chain(
                self.names
                    .iter()
                    .filter(|name| !declared.contains(name))
                    .map(|name| parse_quote!(#name: #call)),
            )
            .collect();
        if !where_needed.is_empty() {
            generics.make_where_clause().predicates.extend(where_needed);
        }
        generics.params.insert(0, GenericParam::Lifetime(LifetimeParam::new(call.clone())));
        (generics, call)
    }

    fn check_lifetime_names(&mut self, generics: &Generics) {
        for param in generics.lifetimes() {
            if format!("'{}", param.lifetime.ident) == lifetimes::NAME {
                self.refuse(&param.lifetime, Mistake::ReservedLifetime);
            }
        }
    }
}

/// Adds the call's lifetime where the parameter's own bounds are: clippy asks for them to be in one place.
fn bound_inline(param: &mut GenericParam, call: &Lifetime) {
    match param {
        GenericParam::Lifetime(param) => param.bounds.push(call.clone()),
        GenericParam::Type(param) if !param.bounds.is_empty() => {
            param.bounds.push(TypeParamBound::Lifetime(call.clone()));
        }
        GenericParam::Type(_) | GenericParam::Const(_) => {}
    }
}

/// The type parameters whose bounds, if any, are in the `where` clause.
fn unbounded_types(generics: &Generics) -> impl Iterator<Item = &Ident> {
    generics.type_params().filter(|param| param.bounds.is_empty()).map(|param| &param.ident)
}

/// What the argument is called in the signature.
fn argument_name(index: usize, pattern: &Pat, taken: &[&Ident]) -> Ident {
    let hidden = Span::mixed_site().located_at(pattern.span());
    match plain_name(pattern) {
        // Lints say that such a name is not to be used; the copies that are made of it are the macro's.
        Some(name) if name.to_string().starts_with('_') => Ident::new(&name.to_string(), hidden),
        Some(name) => name.clone(),
        None => free_name(index, hidden, taken),
    }
}

/// A name for the argument at this index, which no other argument has.
fn free_name(index: usize, at: Span, taken: &[&Ident]) -> Ident {
    let mut name = format!("arg{index}");
    while taken.iter().any(|other| **other == name) {
        name.push('_');
    }
    Ident::new(&name, at)
}
