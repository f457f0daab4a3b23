//! CEL, the Common Expression Language, as rules of custom resources use it.
//!
//! Expressions are evaluated over JSON values typed by a schema, with the functions Kubernetes adds to the language and
//! a bound on the work they may do. Types are checked when an expression runs, not before; names are checked before.
//!
//! Source: the language definition of cel-spec; apiserver `pkg/cel/library` for what Kubernetes adds.

mod eval;
mod functions;
mod kubernetes;
mod lexer;
mod parser;
mod rules;
mod times;
mod value;

pub use rules::{Rule, RuleFindings, check_rules};

pub(crate) use parser::Program;
pub(crate) use value::Cel;

#[cfg(test)]
mod tests;
