//! The crate against what Go's libraries printed.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod go_answers;
mod typed;
