//! Templates against what Python's Jinja2 and upstream's extensions made of them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot read its cases has failed, and says how many it ran"
)]

mod corpus;
mod engine;
