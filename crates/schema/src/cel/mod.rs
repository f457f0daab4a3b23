//! CEL, the Common Expression Language, as rules of custom resources use it.
//!
//! Expressions are evaluated over JSON values typed by a schema, with the functions Kubernetes adds to the language and
//! a bound on the work they may do. Names, and the types of plain fields, are checked before an expression runs, all else when it does.
//!
//! Source: the language definition of cel-spec; apiserver `pkg/cel/library` for what Kubernetes adds.

mod check;
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
