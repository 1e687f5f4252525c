//! Handlers that read what no key covers do not compile, and the compiler says why.

/// Messages differ between compilers, so the exact text is checked with one of them. With the others
/// the examples of the crate's documentation still have to fail.
#[rustversion::attr(not(stable(1.95)), ignore = "its expectations are of Rust 1.95")]
#[test]
fn handlers_that_read_more_than_the_key_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
