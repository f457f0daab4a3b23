//! Why a secret could not be had.

use std::fmt;

/// Why a secret could not be had; `Display` says it all, and holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudError {
    message: String,
    missing: bool,
    hint: Option<String>,
}

impl CloudError {
    /// Something went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            missing: false,
            hint: None,
        }
    }

    /// What was asked for is not there.
    pub fn missing(message: impl Into<String>) -> Self {
        Self {
            missing: true,
            ..Self::new(message)
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

    /// Whether it is just not there.
    pub fn is_missing(&self) -> bool {
        self.missing
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CloudError {}

/// A file could not be read or understood.
pub(crate) fn file(path: impl fmt::Display, error: impl fmt::Display) -> CloudError {
    CloudError::new(format!("{path}: {error}"))
}
