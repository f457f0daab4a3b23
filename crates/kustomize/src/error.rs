//! Why a build failed.

use std::fmt;

/// What kind of failure it was, for the code that decides how to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Other,
    /// The text is not YAML: a path that was meant as a folder as well need not be mentioned.
    MalformedYaml,
    /// A web server said no: there is no point in trying the path as a folder.
    Http,
    /// Fetching a repository took too long.
    Timeout,
    /// A node of a document is a map where a scalar was expected, or the other way round.
    WrongNode,
}

/// Why a kustomization could not be built: a chain of messages from the outermost step to the cause.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
    pub(crate) kind: Kind,
}

impl Error {
    /// Makes an error from its message, for closures that fetch or render.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: Kind::Other,
        }
    }

    /// Fetching took too long, which is worth telling whatever else was tried.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(message).of_kind(Kind::Timeout)
    }

    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Says in which step the error happened.
    pub(crate) fn within(mut self, step: impl fmt::Display) -> Self {
        self.message = format!("{step}: {}", self.message);
        self
    }

    /// The whole message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Makes an [`Error`] from a format string.
macro_rules! fail {
    ($($arg:tt)*) => { $crate::error::Error::new(format!($($arg)*)) };
}
pub(crate) use fail;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
