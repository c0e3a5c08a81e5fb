//! The generated code of each kind of function, compared with the committed one.
//!
//! `BLESS=1 cargo test -p gensx-macros` writes the files anew.

use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::TokenStream;

use super::source;
use crate::component::component;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/expansions");

#[test]
fn expansions_are_the_committed_ones() {
    let cases: Vec<PathBuf> = fs::read_dir(CASES)
        .expect("the cases are beside this file")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    assert!(!cases.is_empty());
    for case in cases {
        compare(&expanded(&fs::read_to_string(&case).unwrap()), &case.with_extension("expanded"));
    }
}

/// The generated code of a file, formatted.
fn expanded(source: &str) -> String {
    let code: TokenStream =
        source::uses(source).into_iter().map(|found| component(found.options, found.item).0).collect();
    // A method's `self` is only grammatical inside an impl block; free functions are as well read there.
    let file = syn::parse2(quote::quote!(impl Expanded { #code })).expect("the generated code is Rust");
    prettyplease::unparse(&file)
}

fn compare(found: &str, path: &Path) {
    if env::var_os("BLESS").is_some() {
        fs::write(path, found).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, committed, "{} is not what the macro writes; BLESS=1 rewrites it", path.display());
}
