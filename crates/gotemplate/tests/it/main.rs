//! The engine against what real Go printed.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its cases has failed")]

mod certificates;
mod golden;
mod mutation;
mod named_maps;
mod precision;
