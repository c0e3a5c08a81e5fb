//! What the user reads when a component is wrong: one message for one mistake, at the place of the mistake.
//!
//! `ui/mistakes` holds the macro's own messages, one case for each (a test in `gensx-macros` enforces the pairing);
//! `ui/bounds` holds what rustc says about the expansion, `ui/testing` what it says about doubles. `TRYBUILD=overwrite` rewrites the expected messages.

#[test]
fn messages_are_the_committed_ones() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/mistakes/*.rs");
    cases.compile_fail("tests/ui/bounds/*.rs");
    cases.compile_fail("tests/ui/testing/*.rs");
}
