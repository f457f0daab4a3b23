//! The person who may be asked while something is fetched.

use std::fmt;

/// Answers questions that come up on the way. Calls block.
pub trait Person: fmt::Debug + Send + Sync {
    /// A question with yes or no for an answer.
    fn confirm(&self, question: &str) -> bool;

    /// Asks for something that is not shown while it is typed; `None` where nobody answers.
    fn secret(&self, question: &str) -> Option<String>;

    /// Asks for something that may be seen while it is typed; `None` where nobody answers.
    fn text(&self, question: &str) -> Option<String>;

    /// Says something that a person should know.
    fn warn(&self, text: &str);
}

/// Nobody is there: every answer is "no".
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Person for Nobody {
    fn confirm(&self, _question: &str) -> bool {
        false
    }

    fn secret(&self, _question: &str) -> Option<String> {
        None
    }

    fn text(&self, _question: &str) -> Option<String> {
        None
    }

    fn warn(&self, text: &str) {
        tracing::warn!("{text}");
    }
}

/// Asks on the terminal for something that may be seen while it is typed; `None` without a terminal.
pub fn ask_openly(question: &str) -> Option<String> {
    gix::prompt::openly(format!("{question}: ")).ok()
}

/// Asks on the terminal for something that is not shown while it is typed; `None` without a terminal.
///
/// The terminal itself is asked, whatever standard input is. Unix only; elsewhere nobody answers.
pub fn ask_secretly(question: &str) -> Option<String> {
    gix::prompt::securely(format!("{question}: ")).ok()
}
