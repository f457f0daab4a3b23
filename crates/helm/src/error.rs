//! Why a chart could not be loaded or rendered.

use std::fmt;

/// Why a chart could not be loaded or rendered, in Helm's words.
///
/// `Display` is what `helm` prints after `Error: `; what is added by us stands apart ([`Error::excerpts`]).
#[derive(Debug, Clone)]
pub struct Error(Box<Body>);

#[derive(Debug, Clone)]
struct Body {
    message: String,
    excerpts: Vec<Excerpt>,
    logs: Vec<String>,
    rendering: bool,
    rendered: Option<String>,
}

/// A place in a file that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file's path, starting with the chart's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1; `None` when only the line is known.
    pub column: Option<usize>,
    /// The line's text.
    pub text: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Body {
            message: message.into(),
            excerpts: Vec::new(),
            logs: Vec::new(),
            rendering: false,
            rendered: None,
        }))
    }

    /// Puts words and a colon before the message.
    pub(crate) fn context(mut self, before: impl fmt::Display) -> Self {
        self.0.message = format!("{before}: {}", self.0.message);
        self
    }

    pub(crate) fn with_excerpts(mut self, excerpts: Vec<Excerpt>) -> Self {
        self.0.excerpts = excerpts;
        self
    }

    /// Adds a line that Helm logs before it prints the error.
    pub(crate) fn with_log(mut self, line: String) -> Self {
        self.0.logs.push(line);
        self
    }

    /// Puts what was logged before the error in front of its own lines.
    pub(crate) fn after_logs(mut self, mut logs: Vec<String>) -> Self {
        logs.append(&mut self.0.logs);
        self.0.logs = logs;
        self
    }

    /// Keeps what was rendered, for people who look for the mistake in it.
    pub(crate) fn with_rendered(mut self, text: String) -> Self {
        self.0.rendered = Some(text);
        self
    }

    /// Marks an error that arose after values were put together, where Helm adds a hint about `--debug`.
    pub(crate) fn while_rendering(mut self) -> Self {
        self.0.rendering = true;
        self
    }

    /// The message without Helm's `Error: `.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places in the chart's files, outermost first.
    pub fn excerpts(&self) -> &[Excerpt] {
        &self.0.excerpts
    }

    /// What Helm logs before it prints the error, one line each.
    pub fn logs(&self) -> &[String] {
        &self.0.logs
    }

    /// What was rendered before it turned out to be no valid YAML.
    pub fn rendered(&self) -> Option<&str> {
        self.0.rendered.as_deref()
    }

    /// Whether templates were being rendered when it happened.
    pub fn is_rendering(&self) -> bool {
        self.0.rendering
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "{margin}--> {}:{}", self.file, self.line)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        let column = self.column.map_or(0, |column| column.saturating_sub(1));
        let (start, shown) = part_of_line(&self.text, column);
        write!(f, "\n{margin} |\n{number} | {shown}\n{margin} |")?;
        if self.column.is_some() {
            f.write_str(" ")?;
            for byte in shown
                .bytes()
                .take(column - start)
                .filter(|byte| (byte & 0xC0) != 0x80)
            {
                f.write_str(if byte == b'\t' { "\t" } else { " " })?;
            }
            f.write_str("^")?;
        }
        Ok(())
    }
}

/// The part of a long line that is around a place in it, and where that part starts.
fn part_of_line(line: &str, column: usize) -> (usize, &str) {
    const WIDEST: usize = 400;
    if line.len() <= WIDEST {
        return (0, line);
    }
    let start = line.floor_char_boundary(column.saturating_sub(WIDEST / 2));
    let end = line.floor_char_boundary((start + WIDEST).min(line.len()));
    (start, &line[start..end])
}

/// One line as Go's `slog` text handler writes it.
pub fn log_line(level: &str, message: &str, attributes: &[(&str, &str)]) -> String {
    let mut line = format!("level={level} msg={}", log_value(message));
    for (key, value) in attributes {
        line.push(' ');
        line.push_str(key);
        line.push('=');
        line.push_str(&log_value(value));
    }
    line
}

fn log_value(value: &str) -> String {
    let plain = !value.is_empty()
        && value
            .chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=');
    if plain {
        value.to_owned()
    } else {
        kluctl_gotemplate::quote(value.as_bytes())
    }
}
