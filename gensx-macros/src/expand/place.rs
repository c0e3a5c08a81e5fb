//! Where generated code says it stands.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

/// The place of some of the user's tokens, from the first to the last.
///
/// A span over several tokens cannot be made on stable Rust. An expression whose first token stands at the start and
/// whose last one stands at the end does it: rustc underlines all between.
#[derive(Clone, Copy)]
pub(super) struct Place {
    first: Span,
    last: Span,
}

impl Place {
    /// The place of these tokens; the attribute's own if there are none.
    pub(super) fn of(tokens: impl ToTokens) -> Self {
        let mut spans = tokens.into_token_stream().into_iter().map(|token: TokenTree| token.span());
        let first = spans.next().unwrap_or_else(Span::call_site);
        Self { first, last: spans.last().unwrap_or(first) }
    }

    /// For generated code that stands here: hygienic for local names.
    pub(super) fn whole(self) -> Span {
        Span::mixed_site().located_at(self.first)
    }

    /// The start and the end, for code that stands here as if the user had written it.
    ///
    /// rustc shows a message once when several parts of the code have the same cause at the same place.
    pub(super) fn ends(self) -> (Span, Span) {
        (self.first, self.last)
    }

    /// `&name`, standing at the whole place.
    pub(super) fn reference(self, name: &Ident) -> TokenStream {
        let mut name = name.clone();
        let and = name.span().located_at(self.first);
        name.set_span(name.span().located_at(self.last));
        quote_spanned!(and=> &#name)
    }
}
