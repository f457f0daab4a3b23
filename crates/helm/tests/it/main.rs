//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod bad_input;
mod expressions;
mod folders;
mod schemas;
mod value_files;

/// Fails with all cases whose answer is not Helm's.
#[track_caller]
fn assert_none_differs(wrong: &[String], cases: usize) {
    assert!(
        wrong.is_empty(),
        "{} of {cases} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
