//! From a template's text to its tree.

mod lexer;
pub(crate) mod names;
pub(crate) mod node;
mod number;
mod parser;

pub(crate) use parser::parse;
