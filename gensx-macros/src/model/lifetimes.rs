//! The lifetimes of a signature: `async fn` hides that its future borrows from its arguments, a function that returns
//! a `Call` must say so.

use proc_macro2::Span;
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, Expr, GenericParam, Ident, Lifetime, ParenthesizedGenericArguments, TraitBound, Type,
    TypeFnPtr, TypeImplTrait, TypeParamBound, TypeReference,
};

/// The lifetime that a call borrows for.
pub(crate) const NAME: &str = "'gensx";

/// The call's lifetime, shown at the place that asks for it.
pub(crate) fn call_lifetime(at: Span) -> Lifetime {
    Lifetime::new(NAME, Span::call_site().located_at(at))
}

/// Names the elided lifetimes of a type, and notes what else ties it to its surroundings.
#[derive(Default)]
pub(crate) struct Names {
    /// Where lifetimes were elided, or an `impl Trait` may borrow.
    pub(crate) elided: bool,
    /// The lifetimes that are named, without `'static`.
    pub(crate) named: Vec<Lifetime>,
    /// The `&mut` references.
    pub(crate) mutable: Vec<TypeReference>,
    /// The `impl Trait`s, as they were written.
    pub(crate) impls: Vec<TypeImplTrait>,
    /// Names that a `for<..>` around the current place has bound.
    bound: Vec<Ident>,
    /// How many function types are around the current place: they have elided lifetimes of their own.
    inside_functions: usize,
}

impl Names {
    /// Names the elided lifetimes of this type.
    pub(crate) fn of(ty: &mut Type) -> Self {
        let mut names = Self::default();
        names.visit_type_mut(ty);
        names
    }

    /// Whether the type borrows for some lifetime but `'static`.
    pub(crate) fn borrows(&self) -> bool {
        self.elided || !self.named.is_empty()
    }

    fn with_bound(&mut self, lifetimes: Option<&BoundLifetimes>, visit: impl FnOnce(&mut Self)) {
        let outside = self.bound.len();
        for param in lifetimes.iter().flat_map(|bound| &bound.lifetimes) {
            if let GenericParam::Lifetime(param) = param {
                self.bound.push(param.lifetime.ident.clone());
            }
        }
        visit(self);
        self.bound.truncate(outside);
    }

    fn inside_function(&mut self, visit: impl FnOnce(&mut Self)) {
        self.inside_functions += 1;
        visit(self);
        self.inside_functions -= 1;
    }
}

impl VisitMut for Names {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.mutability.is_some() && self.inside_functions == 0 {
            self.mutable.push(reference.clone());
        }
        if reference.lifetime.is_none() && self.inside_functions == 0 {
            self.elided = true;
            reference.lifetime = Some(call_lifetime(reference.and_token.span));
        } else if let Some(lifetime) = &mut reference.lifetime {
            self.visit_lifetime_mut(lifetime);
        }
        match &mut *reference.elem {
            // The reference itself already bounds it, and `&impl A + 'b` would not parse.
            Type::ImplTrait(elem) => {
                self.impls.push(elem.clone());
                visit_mut::visit_type_impl_trait_mut(self, elem);
            }
            elem => self.visit_type_mut(elem),
        }
    }

    fn visit_type_impl_trait_mut(&mut self, node: &mut TypeImplTrait) {
        self.impls.push(node.clone());
        visit_mut::visit_type_impl_trait_mut(self, node);
        self.elided = true;
        node.bounds.push(TypeParamBound::Lifetime(call_lifetime(node.impl_token.span)));
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            if self.inside_functions == 0 {
                self.elided = true;
                *lifetime = call_lifetime(lifetime.span());
            }
        } else if lifetime.ident != "static" && !self.bound.contains(&lifetime.ident) {
            self.named.push(lifetime.clone());
        }
    }

    fn visit_trait_bound_mut(&mut self, bound: &mut TraitBound) {
        self.with_bound(bound.lifetimes.as_ref(), |names| names.visit_path_mut(&mut bound.path));
    }

    fn visit_type_fn_ptr_mut(&mut self, pointer: &mut TypeFnPtr) {
        self.with_bound(pointer.lifetimes.clone().as_ref(), |names| {
            names.inside_function(|names| visit_mut::visit_type_fn_ptr_mut(names, pointer));
        });
    }

    fn visit_parenthesized_generic_arguments_mut(&mut self, arguments: &mut ParenthesizedGenericArguments) {
        self.inside_function(|names| {
            visit_mut::visit_parenthesized_generic_arguments_mut(names, arguments);
        });
    }

    // `for<'a>` declares, it does not use; `with_bound` has taken it in.
    fn visit_bound_lifetimes_mut(&mut self, _: &mut BoundLifetimes) {}

    // The length of an array holds no lifetime.
    fn visit_expr_mut(&mut self, _: &mut Expr) {}
}
