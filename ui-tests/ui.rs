//! What the derive accepts and what it says to mistakes.

#[test]
fn pass() {
    trybuild::TestCases::new().pass("pass/*.rs");
}

#[test]
fn fail() {
    trybuild::TestCases::new().compile_fail("fail/*/*.rs");
}
