//! Why a file could not be decrypted.

use std::fmt;

/// Why a file could not be decrypted; `Display` says it all, without any plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    hint: Option<String>,
    locked: bool,
}

impl Error {
    /// Something went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            locked: false,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with words in front.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The same, because no key can be had.
    #[must_use]
    pub(crate) fn locked(mut self) -> Self {
        self.locked = true;
        self
    }

    /// Whether no key can be had, and nothing is known to be wrong with the file.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
