//! The one error type: a Python exception's class and words, and where in the user's tree it happened.

use std::fmt;
use std::sync::Arc;

use crate::source::Source;

/// Result of everything that can fail in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of an error, named as the Python exception that Jinja2 raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorKind(&'static str);

macro_rules! kinds {
    ($($name:ident = $text:literal),* $(,)?) => {
        #[allow(missing_docs, reason = "each constant is the Python class of the same name")]
        impl ErrorKind { $(pub const $name: Self = Self($text);)* }
    };
}

kinds! {
    SYNTAX = "TemplateSyntaxError", ASSERTION = "TemplateAssertionError", UNDEFINED = "UndefinedError",
    RUNTIME = "TemplateRuntimeError", NOT_FOUND = "TemplateNotFound", NONE_FOUND = "TemplatesNotFound",
    TEMPLATE = "TemplateError", FILTER_ARGUMENT = "FilterArgumentError", TYPE = "TypeError", VALUE = "ValueError",
    KEY = "KeyError", INDEX = "IndexError", ATTRIBUTE = "AttributeError", ZERO_DIVISION = "ZeroDivisionError",
    OVERFLOW = "OverflowError", RECURSION = "RecursionError", MEMORY = "MemoryError", UNICODE_DECODE = "UnicodeDecodeError",
    UNICODE_ENCODE = "UnicodeEncodeError", EXCEPTION = "Exception", PYTHON_RUNTIME = "RuntimeError", LOOKUP = "LookupError",
    ASSERT = "AssertionError", REPRESENTER = "RepresenterError", SCANNER = "ScannerError", PARSER = "ParserError",
    COMPOSER = "ComposerError", CONSTRUCTOR = "ConstructorError", BINASCII = "Error", NOT_GIT = "NotGitRepository",
    FILE_NOT_FOUND = "FileNotFoundError", PYTHON_SYNTAX = "SyntaxError", ZONE_NOT_FOUND = "ZoneInfoNotFoundError",
    LIMIT = "LimitExceeded",
}

impl ErrorKind {
    /// The class name, `UndefinedError` for example.
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One place on the way to an error, the innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// File as it was asked for, or `<template>` for a string.
    pub template: Arc<str>,
    /// Line of the exact place, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Line that Jinja2 names: where the statement or the last operator of an expression stands.
    pub statement_line: u32,
    /// Macro, block or `template`, in words.
    pub what: Arc<str>,
    /// The text of `line`.
    pub text: Arc<str>,
}

#[derive(Clone, Debug)]
struct Repr {
    kind: ErrorKind,
    message: String,
    places: Vec<Place>,
    /// Byte offset in the template that is being evaluated, until `locate` turns it into a place.
    offset: Option<u32>,
    statement_line: Option<u32>,
    /// Name of the undefined variable or attribute, and what it was looked up in.
    hint: Option<String>,
    missing_name: Option<Arc<str>>,
}

/// An error of a template, with the whole chain of places that led to it.
///
/// `Display` shows the message, `file:line:column`, the source line with a caret, and the chain.
#[derive(Clone)]
pub struct Error(Box<Repr>);

impl Error {
    /// An error without a place yet.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Repr {
            kind,
            message: message.into(),
            places: Vec::new(),
            offset: None,
            statement_line: None,
            hint: None,
            missing_name: None,
        }))
    }

    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TYPE, message)
    }

    pub(crate) fn value_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::VALUE, message)
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The words of the error, Jinja2's or Python's where they have some.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The innermost place, where the error happened.
    pub fn place(&self) -> Option<&Place> {
        self.0.places.first()
    }

    /// All places, the innermost first: through macros, includes and imports out to the file that was rendered.
    pub fn chain(&self) -> &[Place] {
        &self.0.places
    }

    /// File of the error, as shown.
    pub fn template(&self) -> Option<&str> {
        self.place().map(|place| &*place.template)
    }

    /// Line of the error, from 1.
    pub fn line(&self) -> Option<u32> {
        self.place().map(|place| place.line)
    }

    /// Column of the error in characters, from 1.
    pub fn column(&self) -> Option<u32> {
        self.place().map(|place| place.column)
    }

    /// What may help: the nearest names of an undefined variable.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub(crate) fn with_missing_name(mut self, name: Arc<str>) -> Self {
        self.0.missing_name = Some(name);
        self
    }

    pub(crate) fn missing_name(&self) -> Option<Arc<str>> {
        if self.0.hint.is_some() {
            return None;
        }
        self.0.missing_name.clone()
    }

    pub(crate) fn set_hint(&mut self, hint: String) {
        self.0.hint = Some(hint);
    }

    pub(crate) fn at(mut self, offset: u32) -> Self {
        self.set_offset(offset);
        self
    }

    pub(crate) fn set_offset(&mut self, offset: u32) {
        if self.0.offset.is_none() {
            self.0.offset = Some(offset);
        }
    }

    pub(crate) fn set_statement_line(&mut self, line: u32) {
        if self.0.statement_line.is_none() {
            self.0.statement_line = Some(line);
        }
    }

    /// Ends the walk through one template, macro or block: what was an offset becomes a place.
    pub(crate) fn locate(mut self, source: &Source, what: impl Into<Arc<str>>) -> Self {
        let repr = &mut *self.0;
        let (offset, statement) = (repr.offset.take(), repr.statement_line.take());
        if offset.is_none() && statement.is_none() && !repr.places.is_empty() {
            return self;
        }
        let place = source.place(offset, statement, what.into());
        repr.places.push(place);
        self
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self.0.kind, ErrorKind::NOT_FOUND | ErrorKind::NONE_FOUND)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repr = &*self.0;
        if repr.kind.name().starts_with("Template") && repr.message.is_empty() {
            write!(f, "{}", repr.kind)?;
        } else {
            write!(f, "{}: {}", repr.kind, repr.message)?;
        }
        let Some((inner, callers)) = repr.places.split_first() else {
            return self.write_hint(f);
        };
        write_place(f, inner)?;
        self.write_hint(f)?;
        write_chain(f, callers)
    }
}

impl Error {
    fn write_hint(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.hint {
            Some(hint) => write!(f, "\n  = help: {hint}"),
            None => Ok(()),
        }
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, place: &Place) -> fmt::Result {
    write!(f, "\n  --> {}:{}:{}", place.template, place.line, place.column)?;
    if &*place.what != "template" {
        write!(f, " in {}", place.what)?;
    }
    if place.statement_line != place.line {
        write!(f, " (statement at line {})", place.statement_line)?;
    }
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let (text, column) = excerpt(&place.text, place.column as usize);
    write!(
        f,
        "\n {gutter} |\n {number} | {text}\n {gutter} | {}^",
        " ".repeat(column.saturating_sub(1))
    )
}

/// A long line is cut around the column, so that the caret stays on the screen.
fn excerpt(text: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 160;
    let expand = |c: char| if c == '\t' || c.is_control() { ' ' } else { c };
    let length = text.chars().count();
    if length <= WIDTH {
        return (text.chars().map(expand).collect(), column);
    }
    let start = column.saturating_sub(WIDTH / 2).min(length - WIDTH);
    let cut: String = text.chars().skip(start).take(WIDTH).map(expand).collect();
    let (before, extra) = if start > 0 { ("...", 3) } else { ("", 0) };
    let after = if start + WIDTH < length { "..." } else { "" };
    (format!("{before}{cut}{after}"), column - start + extra)
}

fn write_chain(f: &mut fmt::Formatter<'_>, callers: &[Place]) -> fmt::Result {
    const ENDS: usize = 6;
    let mut index = 0;
    while index < callers.len() {
        if callers.len() > 2 * ENDS + 1 && index == ENDS {
            write!(f, "\n  ... {} more", callers.len() - 2 * ENDS)?;
            index = callers.len() - ENDS;
        }
        let place = &callers[index];
        write!(f, "\n  from {}:{}:{}", place.template, place.line, place.column)?;
        if &*place.what != "template" {
            write!(f, " in {}", place.what)?;
        }
        index += 1;
    }
    Ok(())
}

impl std::error::Error for Error {}
