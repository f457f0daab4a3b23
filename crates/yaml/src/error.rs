//! What can go wrong when text is read, and where.

use std::fmt;

use crate::node::Span;

/// Why a text could not be read, with the place where known.
///
/// `Display` gives one line or more without the excerpt; [`Error::excerpt`] draws the source line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Body>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Body {
    message: String,
    name: Option<String>,
    line: u32,
    column: u32,
    path: Vec<String>,
    source_line: Option<String>,
    hint: Option<String>,
    unknown_field: Option<String>,
    json: bool,
    placed: bool,
}

impl Error {
    /// An error without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Body {
            message: message.into(),
            ..Body::default()
        }))
    }

    /// An error at a place in `text`.
    pub fn at(message: impl Into<String>, text: &str, line: u32, column: u32) -> Self {
        let mut error = Self::new(message);
        error.place(line, column);
        error.draw(text);
        error
    }

    /// What went wrong, in the words of Go's YAML library for what it would refuse too (`yaml: line 3: …`).
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name of the file, when the caller gave one.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The line, from 1; 0 when unknown.
    pub fn line(&self) -> u32 {
        self.0.line
    }

    /// The column in characters, from 1; 0 when unknown.
    pub fn column(&self) -> u32 {
        self.0.column
    }

    /// The keys and indexes that lead to the place, outermost first (typed decoding only).
    pub fn path(&self) -> &[String] {
        &self.0.path
    }

    /// Advice such as `did you mean "path"?`.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The field that the target type does not know, if that is the reason.
    pub fn unknown_field(&self) -> Option<&str> {
        self.0.unknown_field.as_deref()
    }

    /// The text as `sigs.k8s.io/yaml` prints it: `error converting YAML to JSON: yaml: line 3: …`.
    pub fn go_text(&self) -> String {
        if self.0.json {
            format!("error unmarshaling JSON: while decoding JSON: {}", self.0.message)
        } else {
            format!("error converting YAML to JSON: {}", self.0.message)
        }
    }

    /// The source line with a caret under the place, or `None` when the place is unknown.
    pub fn excerpt(&self) -> Option<String> {
        let source = self.0.source_line.as_deref()?;
        let number = self.0.line.to_string();
        let margin = " ".repeat(number.len());
        let mut caret = String::new();
        for character in source.chars().take(self.0.column.saturating_sub(1) as usize) {
            caret.push(if character == '\t' { '\t' } else { ' ' });
        }
        let mut text = format!("{margin} |\n{number} | {source}\n{margin} | {caret}^");
        if let Some(hint) = &self.0.hint {
            text.push(' ');
            text.push_str(hint);
        }
        Some(text)
    }

    /// The same error with the file's name.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.0.name = Some(name.to_owned());
        self
    }

    pub(crate) fn with_hint(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint;
        self
    }

    pub(crate) fn with_unknown_field(mut self, field: &str) -> Self {
        self.0.unknown_field = Some(field.to_owned());
        self
    }

    pub(crate) fn in_json(mut self) -> Self {
        self.0.json = true;
        self
    }

    /// Keeps the innermost place: an outer caller does not override it.
    pub(crate) fn place_if_unknown(&mut self, span: Span) {
        if !self.0.placed {
            self.place(span.line, span.column);
        }
    }

    pub(crate) fn push_path(&mut self, part: impl Into<String>) {
        self.0.path.insert(0, part.into());
    }

    pub(crate) fn draw(&mut self, text: &str) {
        if self.0.line == 0 {
            return;
        }
        let line = text.lines().nth(self.0.line as usize - 1);
        self.0.source_line = Some(shorten(line.unwrap_or_default()));
    }

    fn place(&mut self, line: u32, column: u32) {
        self.0.line = line;
        self.0.column = column;
        self.0.placed = true;
    }
}

/// A line for people: very long ones (minified JSON) are cut.
fn shorten(line: &str) -> String {
    const LONGEST: usize = 300;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.0.name {
            write!(f, "{name}:")?;
            if self.0.line > 0 {
                write!(f, "{}:{}:", self.0.line, self.0.column)?;
            }
            f.write_str(" ")?;
        }
        if !self.0.path.is_empty() {
            let mut path = String::new();
            for part in &self.0.path {
                if !path.is_empty() && !part.starts_with('[') {
                    path.push('.');
                }
                path.push_str(part);
            }
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
