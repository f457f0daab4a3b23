//! A compiled template under the name it was asked for.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::parser::parse;
use crate::scope::{Program, compile};
use crate::source::{Source, normalize};

/// Text and program; the program is shared by all templates of the same text.
#[derive(Debug)]
pub(crate) struct Template {
    /// Jinja2's name: what was asked for. Strings have none.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) source: Source,
    pub(crate) program: Arc<Program>,
}

/// A program with its normalised text.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) text: Arc<str>,
    pub(crate) program: Arc<Program>,
}

/// Compiles a text; the error has no place yet besides its offset.
pub(crate) fn compile_text(text: &str) -> Result<Compiled, (Error, Arc<str>)> {
    let text: Arc<str> = normalize(text).into();
    let program = parse(&text).and_then(compile);
    match program {
        Ok(program) => Ok(Compiled {
            text,
            program: Arc::new(program),
        }),
        Err(error) => Err((error, text)),
    }
}
