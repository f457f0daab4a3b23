//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod bad_input;
mod expressions;
mod schemas;
