//! What the compiler says of code that is wrong: one error, under the token that has to change.
//!
//! The texts are those of the toolchain that `rust-toolchain.toml` names. After a change that is
//! meant, `TRYBUILD=overwrite cargo test -p onelogger-tests --test ui` writes them anew; they are to
//! be read then.

#[test]
fn each_mistake_is_one_error_where_it_is_made() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
