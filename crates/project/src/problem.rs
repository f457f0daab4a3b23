//! What is wrong with a project: what, where, and what to do about it.

use std::fmt;

use kluctl_object::Masks;

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as the person would name it.
    pub file: String,
    /// The line, from 1; 0 when only the file is known.
    pub line: u32,
    /// The column in characters, from 1; 0 when only the line is known.
    pub column: u32,
    /// The text of the line, where it is known.
    pub source_line: Option<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// What went wrong.
    pub message: String,
    /// Where, the innermost place first; the others say how one got there.
    pub places: Vec<Place>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// Something wrong that has no place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            places: Vec::new(),
            hint: None,
        }
    }

    /// Something wrong with a file.
    pub fn in_file(file: impl fmt::Display, message: impl Into<String>) -> Self {
        let mut problem = Self::new(message);
        problem.places.push(Place {
            file: file.to_string(),
            ..Place::default()
        });
        problem
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with words in front of the message.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The same, seen from a file that led to it; nothing when that file is named already.
    #[must_use]
    pub fn from_file(mut self, file: &str) -> Self {
        if !self.places.iter().any(|place| place.file == file) {
            self.places.push(Place {
                file: file.to_owned(),
                ..Place::default()
            });
        }
        self
    }

    /// A YAML error in a file.
    pub fn yaml(file: &str, error: &kluctl_yaml::Error, text: &str) -> Self {
        let source_line = (error.line() > 0)
            .then(|| text.lines().nth(error.line() as usize - 1))
            .flatten()
            .map(str::to_owned);
        let path = error.path().join(".").replace(".[", "[");
        let message = if path.is_empty() {
            error.message().to_owned()
        } else {
            format!("{path}: {}", error.message())
        };
        Self {
            message,
            places: vec![Place {
                file: file.to_owned(),
                line: error.line(),
                column: error.column(),
                source_line,
            }],
            hint: error.hint().map(str::to_owned),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.line > 0 && self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some((first, callers)) = self.places.split_first() {
            write!(f, "\n  --> {first}")?;
            if let Some(line) = &first.source_line {
                let number = first.line.to_string();
                let margin = " ".repeat(number.len());
                write!(
                    f,
                    "\n {margin} |\n {number} | {}\n {margin} |",
                    shorten(&without_passwords(line))
                )?;
                if first.column > 0 {
                    let before = line.chars().take(first.column as usize - 1);
                    let before: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                    write!(f, " {before}^")?;
                }
            }
            for caller in callers {
                write!(f, "\n  from {caller}")?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  = help: {hint}")?;
        }
        Ok(())
    }
}

/// A line with stars, as many as there were characters, for the passwords in its addresses (`https://user:password@host`),
/// so that the columns stay.
fn without_passwords(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        rest = after;
        let end = rest
            .find(|c: char| c.is_whitespace() || "/?#'\"".contains(c))
            .unwrap_or(rest.len());
        if let Some((login, host)) = rest[..end].rsplit_once('@')
            && let Some((user, password)) = login.split_once(':')
        {
            let stars = "*".repeat(password.chars().count());
            shown.push_str(&format!("{user}:{stars}@{host}"));
            rest = &rest[end..];
        }
    }
    shown.push_str(rest);
    shown
}

/// Longest part of a source line that is shown.
const LONGEST_LINE: usize = 300;

fn shorten(line: &str) -> String {
    line.chars().take(LONGEST_LINE).collect()
}

impl std::error::Error for Problem {}

/// One problem or many; never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problem {
    /// Masks what must not be shown.
    fn mask(&mut self, masks: &Masks) {
        masks.mask_text(&mut self.message);
        let hint = self.hint.iter_mut();
        let lines = self
            .places
            .iter_mut()
            .filter_map(|place| place.source_line.as_mut());
        hint.chain(lines).for_each(|text| masks.mask_text(text));
    }
}

/// Masks what must not be shown in any of them.
pub(crate) fn mask_all(problems: &mut [Problem], masks: &Masks) {
    for problem in problems {
        problem.mask(masks);
    }
}

/// Where a YAML file has what a path such as `deployments[1].vars[0]` names, or the nearest thing around it.
fn locate(text: &str, path: &str) -> Option<Place> {
    let document = kluctl_yaml::parse_first(text).ok().flatten()?;
    let mut node = document.resolved();
    for step in path.split(['.', '[']) {
        let next = match step.strip_suffix(']') {
            Some(index) => node
                .items()
                .and_then(|items| items.get(index.parse::<usize>().ok()?)),
            None => node.get(step),
        };
        let Some(next) = next else { break };
        node = next.resolved();
    }
    Some(Place {
        file: String::new(),
        line: node.span.line,
        column: node.span.column,
        source_line: text
            .lines()
            .nth((node.span.line as usize).checked_sub(1)?)
            .map(str::to_owned),
    })
}

impl Problems {
    /// The same with line and column where only a file was known: those of what `path` names in its text.
    pub(crate) fn located(mut self, file: &str, text: &str, path: &str) -> Self {
        let unknown = |place: &&mut Place| place.file == file && place.line == 0;
        let places = self.0.iter_mut().flat_map(|problem| &mut problem.places);
        let mut places = places.filter(unknown).peekable();
        if places.peek().is_some()
            && let Some(found) = locate(text, path)
        {
            for place in places {
                *place = Place {
                    file: file.to_owned(),
                    ..found.clone()
                };
            }
        }
        self
    }

    /// All of them, each once, in the order in which they were met.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// As a list.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl From<Vec<Problem>> for Problems {
    /// An empty list becomes a problem of its own.
    fn from(mut problems: Vec<Problem>) -> Self {
        if problems.is_empty() {
            problems.push(Problem::new("something went wrong that nobody described"));
        }
        Self(problems)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Gathers problems while work goes on, each once.
#[derive(Debug, Default)]
pub struct Gathered(Vec<Problem>);

impl Gathered {
    /// Keeps the problems of a result, and gives its value when there is one.
    pub fn keep<T>(&mut self, result: Result<T, impl Into<Problems>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problems) => {
                problems
                    .into()
                    .0
                    .into_iter()
                    .for_each(|problem| self.add(problem));
                None
            }
        }
    }

    /// A file that is also included where another is rendered is told once, with the way that led to it.
    fn add(&mut self, problem: Problem) {
        let same = self.0.iter_mut().find(|known| {
            let (short, long) = (known.places.len().min(problem.places.len()), &problem.places);
            known.message == problem.message
                && known.hint == problem.hint
                && known.places[..short] == long[..short]
                && (short > 0 || known.places.len() == long.len())
        });
        match same {
            Some(known) if known.places.len() < problem.places.len() => *known = problem,
            Some(_) => {}
            None => self.0.push(problem),
        }
    }

    /// The value, if nothing was wrong.
    pub fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(Problems(self.0))
        }
    }

    /// All problems.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (line, shown) in [
            (
                "url: https://user:se:c@ret@host/x # a:b@c",
                "url: https://user:********@host/x # a:b@c",
            ),
            (
                "['http://a:b@c', \"http://d@e\"]",
                "['http://a:*@c', \"http://d@e\"]",
            ),
            ("git: ssh://git@host:22/x", "git: ssh://git@host:22/x"),
            ("no address", "no address"),
        ] {
            assert_eq!(without_passwords(line), shown);
        }
    }
}
