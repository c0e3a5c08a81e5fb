//! Finds the uses of `#[component]` in a source file.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One use of the attribute: its options and the item under it.
pub(super) struct Use {
    pub(super) options: TokenStream,
    pub(super) item: TokenStream,
}

/// The uses in a file, in impl blocks and modules too.
pub(super) fn uses(source: &str) -> Vec<Use> {
    let mut found = Vec::new();
    search(source.parse().expect("a source file is made of tokens"), &mut found);
    found
}

fn search(tokens: TokenStream, found: &mut Vec<Use>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(options) = attribute(&tokens[at..]) {
            let item = item(&tokens[at + 2..]);
            at += 2 + item.len();
            found.push(Use { options, item: item.into_iter().collect() });
            continue;
        }
        if let TokenTree::Group(group) = &tokens[at] {
            search(group.stream(), found);
        }
        at += 1;
    }
}

/// The options, if `#[component]` stands here.
fn attribute(tokens: &[TokenTree]) -> Option<TokenStream> {
    let [TokenTree::Punct(hash), TokenTree::Group(group), ..] = tokens else { return None };
    let mut inside = group.stream().into_iter();
    let named = matches!(inside.next(), Some(TokenTree::Ident(name)) if name == "component");
    if hash.as_char() != '#' || !named {
        return None;
    }
    Some(match inside.next() {
        Some(TokenTree::Group(options)) => options.stream(),
        _ => TokenStream::new(),
    })
}

/// The tokens of the item that begins here.
fn item(tokens: &[TokenTree]) -> Vec<TokenTree> {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    let end = tokens.iter().position(ends).expect("an item ends with a block or a semicolon");
    tokens[..=end].to_vec()
}
