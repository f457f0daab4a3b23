//! Why a template could not be parsed or executed.

use std::fmt;
use std::sync::Arc;

/// What went wrong, for callers that decide on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is no template.
    Parse,
    /// An action failed (Go's `template.ExecError`).
    Exec,
    /// A function failed, or the named template does not exist.
    Call,
}

/// Where an error arose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name under which the text was parsed, e.g. `chart/templates/web.yaml`.
    pub template: Arc<str>,
    /// The line, counted from one.
    pub line: usize,
    /// The column in bytes, counted from zero; parse errors only know the line.
    pub column: Option<usize>,
    /// The byte offset in the text.
    pub offset: Option<usize>,
}

/// Why a template could not be parsed or executed.
///
/// Prints what Go prints. An error of a function that called a template, such as `include`, has that
/// template's error as its source, and its text ends with the source's text.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    prefix: String,
    location: Option<Location>,
    source: Option<Error>,
}

impl Error {
    /// An error of a function, in its own words.
    pub fn message(message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Call,
            prefix: message.into(),
            location: None,
            source: None,
        }))
    }

    /// An error of a function, because of another one: prints `prefix` and then `source` (Go's `%w`).
    pub fn wrap(prefix: impl Into<String>, source: Error) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Call,
            prefix: prefix.into(),
            location: None,
            source: Some(source),
        }))
    }

    pub(crate) fn parse(message: String, location: Location) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Parse,
            prefix: message,
            location: Some(location),
            source: None,
        }))
    }

    pub(crate) fn exec(prefix: String, location: Option<Location>, source: Option<Error>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Exec,
            prefix,
            location,
            source,
        }))
    }

    /// Tells what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Tells where it went wrong, for errors of templates.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// Returns the error behind this one.
    pub fn cause(&self) -> Option<&Error> {
        self.0.source.as_ref()
    }

    /// Returns this error's own text, without that of the error behind it.
    pub fn own_text(&self) -> &str {
        &self.0.prefix
    }

    /// Returns the errors from this one down to the first cause.
    pub fn chain(&self) -> impl Iterator<Item = &Error> {
        std::iter::successors(Some(self), |error| error.cause())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chain().try_for_each(|error| f.write_str(&error.0.prefix))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::message(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::message(message)
    }
}
