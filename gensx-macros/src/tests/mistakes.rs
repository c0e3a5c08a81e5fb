//! Every mistake has a compile-fail case named after it, and every case makes just its mistake.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::source;
use crate::component::component;
use crate::mistake::Mistake;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/ui/mistakes");

#[test]
fn every_mistake_has_a_case_and_every_case_a_mistake() {
    let mistakes: BTreeSet<String> = Mistake::NAMES.iter().map(|name| snake_case(name)).collect();
    assert_eq!(mistakes.len(), Mistake::NAMES.len(), "two mistakes have the same name");
    assert_eq!(cases("rs"), mistakes);
}

#[test]
fn every_case_has_its_expected_message() {
    assert_eq!(cases("stderr"), cases("rs"));
}

#[test]
fn every_case_makes_only_the_mistake_it_is_named_after() {
    for case in cases("rs") {
        let source = fs::read_to_string(Path::new(CASES).join(format!("{case}.rs"))).unwrap();
        let made: Vec<String> = source::uses(&source)
            .into_iter()
            .flat_map(|case| component(case.options, case.item).1.names())
            .map(snake_case)
            .collect();
        assert_eq!(made, [case]);
    }
}

/// The names of the files with this extension.
fn cases(extension: &str) -> BTreeSet<String> {
    fs::read_dir(CASES)
        .expect("the cases are in the workspace")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
