//! From a template's text to its tree.

mod draft;
mod lexer;
pub(crate) mod node;
mod number;
mod parser;
mod plain;
mod shown;

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::function::Functions;
use crate::hash::HashMap;
use crate::stack;
use crate::text::Text;
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

/// Texts that were read before, by their lengths. Charts that depend on the same library each bring it along.
#[derive(Default)]
pub(crate) struct Known(HashMap<usize, Vec<Vec<Rc<Tree>>>>);

impl Known {
    /// Adds what was read of a text.
    pub(crate) fn add(&mut self, trees: &[Rc<Tree>]) {
        if let Some(own) = trees.last()
            && own.is_whole_text()
        {
            let same_length = self.0.entry(own.code.text.len()).or_default();
            same_length.push(trees.to_vec());
        }
    }

    /// Makes the trees of a text, when the same text was read before under another name.
    pub(crate) fn find(&self, name: &str, text: &[u8]) -> Option<Vec<Rc<Tree>>> {
        let is_same = |trees: &&Vec<Rc<Tree>>| {
            trees.last().is_some_and(|own| own.code.text == text)
                && trees.iter().all(|tree| tree.name != *name)
        };
        let trees = self.0.get(&text.len())?.iter().find(is_same)?;
        let file = Arc::from(name);
        let last = trees.len() - 1;
        let renamed = trees.iter().enumerate().map(|(place, tree)| {
            Rc::new(Tree {
                name: if place == last {
                    Text::from(name)
                } else {
                    tree.name.clone()
                },
                file: Arc::clone(&file),
                code: Rc::clone(&tree.code),
                body: tree.body,
            })
        });
        Some(renamed.collect())
    }
}

fn is_what_the_parser_reads(name: &str, text: &[u8], functions: &Functions, draft: &Draft) -> bool {
    let mut other = Draft::default();
    parser::parse(name, text, functions, &mut other).is_ok() && other == *draft
}
