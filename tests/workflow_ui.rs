//! Mistakes in composing workflows are compile errors that name what does not fit. `TRYBUILD=overwrite` rewrites the
//! expected messages.

#[test]
fn messages_are_the_committed_ones() {
    trybuild::TestCases::new().compile_fail("tests/ui/workflow/*.rs");
}
