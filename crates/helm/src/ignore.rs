//! `.helmignore`

use crate::error::Error;
use crate::path_match::path_match;

/// The rules of a `.helmignore`, with Helm's own at the end.
#[derive(Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    negate: bool,
    only_folders: bool,
    /// Matches the whole path and not just its last part.
    whole_path: bool,
}

impl IgnoreRules {
    /// Reads the file; without one, the text is empty.
    ///
    /// Source: helm `pkg/ignore/rules.go`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut rules = Self::default();
        for line in text.lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), Error> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(Error::new("double-star (**) syntax is not supported"));
        }
        if path_match(rule, "abc").is_err() {
            return Err(Error::new("syntax error in pattern"));
        }
        let (rule, negate) = match rule.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (rule, false),
        };
        let (rule, only_folders) = match rule.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (rule, false),
        };
        let (pattern, whole_path) = match rule.strip_prefix('/') {
            Some(rest) => (rest, true),
            None => (rule, rule.contains('/')),
        };
        self.rules.push(Rule {
            pattern: Pattern::parse(pattern),
            negate,
            only_folders,
            whole_path,
        });
        Ok(())
    }

    /// Whether a file or folder is left out; an ignored folder is not looked into.
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        let name = last_part(path);
        for rule in &self.rules {
            // A negated rule does not bring files back: it drops all that does not match.
            if rule.negate {
                if (rule.only_folders && !is_folder) || !rule.matches(path, name) {
                    return true;
                }
                continue;
            }
            if (!rule.only_folders || is_folder) && rule.matches(path, name) {
                return true;
            }
        }
        false
    }
}

fn last_part(path: &str) -> &str {
    let path = path
        .strip_suffix('/')
        .map_or(path, |path| path.trim_end_matches('/'));
    let start = path.bytes().rposition(|byte| byte == b'/').map_or(0, |at| at + 1);
    &path[start..]
}

impl Rule {
    fn matches(&self, path: &str, name: &str) -> bool {
        self.pattern.matches(if self.whole_path { path } else { name })
    }
}

/// A pattern, with what nearly all of them are told apart: every file of a chart is held against every rule.
#[derive(Debug)]
enum Pattern {
    /// A name as it is.
    Name(String),
    /// `*.bak`
    Ending(String),
    /// Anything else, as Go's `path.Match` takes it.
    Any(String),
}

impl Pattern {
    fn parse(pattern: &str) -> Self {
        let is_plain = |text: &str| !text.contains(['*', '?', '[', '\\']);
        if is_plain(pattern) {
            return Self::Name(pattern.to_owned());
        }
        match pattern.strip_prefix('*') {
            Some(ending) if is_plain(ending) && !ending.is_empty() && !ending.contains('/') => {
                Self::Ending(ending.to_owned())
            }
            _ => Self::Any(pattern.to_owned()),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(pattern) => pattern == name,
            // A star takes no slash.
            Self::Ending(ending) => name
                .strip_suffix(ending.as_str())
                .is_some_and(|start| !start.contains('/')),
            Self::Any(pattern) => path_match(pattern, name).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use crate::path_match::path_match;

    #[test]
    fn patterns_that_are_told_apart_match_as_all_others() {
        let names = [
            "",
            "a",
            "a.bak",
            ".bak",
            "b/a.bak",
            "a.bak/b",
            "ab.bakb",
            "\u{e4}.bak",
            "*.bak",
            "a/b",
        ];
        let patterns = [
            "", "a", "*", "*.bak", "*bak", "a/b", "*/b", "*.b?k", "**.bak", "\\*.bak", "*[", "a*",
        ];
        for pattern in patterns {
            for name in names {
                let expected = path_match(pattern, name).unwrap_or(false);
                assert_eq!(
                    Pattern::parse(pattern).matches(name),
                    expected,
                    "{pattern:?} {name:?}"
                );
            }
        }
    }
}
