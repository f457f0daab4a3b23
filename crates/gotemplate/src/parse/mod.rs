//! From a template's text to its tree.

mod draft;
mod lexer;
pub(crate) mod node;
mod number;
mod parser;
mod plain;
mod shown;

use std::rc::Rc;

use bytes::Bytes;

use crate::error::Error;
use crate::function::Functions;
use crate::stack;
pub(crate) use draft::Draft;
use node::Tree;

/// Parses a text into its own template, which comes last, and those it defines.
///
/// What charts have is read by [`plain`]; the parser reads what that is not sure of, and finds the words for what is wrong.
pub(crate) fn parse(
    name: &str,
    text: Bytes,
    functions: &Functions,
    draft: &mut Draft,
) -> Result<Vec<Rc<Tree>>, Error> {
    draft.clear();
    if stack::grow(|| plain::read(name, &text, functions, draft)).is_some() {
        debug_assert!(
            is_what_the_parser_reads(name, &text, functions, draft),
            "plain text of {name} is read in another way"
        );
    } else {
        draft.clear();
        parser::parse(name, &text, functions, draft)?;
    }
    Ok(draft.finish(name, text))
}

fn is_what_the_parser_reads(name: &str, text: &[u8], functions: &Functions, draft: &Draft) -> bool {
    let mut other = Draft::default();
    parser::parse(name, text, functions, &mut other).is_ok() && other == *draft
}
